// SPDX-License-Identifier: Apache-2.0
//! matrix_client PLAN OUT: makes the plan's steps with rmcp; how each ended goes to OUT.json

use std::{fs, process::Stdio, time::Duration};

use rmcp::{
    ErrorData, RoleClient,
    handler::client::ClientHandler,
    model::*,
    service::{
        ClientLifecycleMode, PeerRequestOptions, RequestContext, RunningService,
        serve_client_with_lifecycle,
    },
    transport::{
        StreamableHttpClientTransport, streamable_http_client::StreamableHttpClientTransportConfig,
    },
};
use serde_json::{Value, json};
use tokio::process::Command;

type Failure = Box<dyn std::error::Error + Send + Sync>;
type Service = RunningService<RoleClient, Client>;

#[derive(Clone)]
struct Client;

fn made<T: serde::de::DeserializeOwned>(v: Value) -> Result<T, ErrorData> {
    serde_json::from_value(v).map_err(|e| ErrorData::internal_error(e.to_string(), None))
}

impl ClientHandler for Client {
    fn get_info(&self) -> ClientInfo {
        made(json!({"protocolVersion": "2025-11-25", "clientInfo": {"name": "matrix-rust", "version": "1"},
            "capabilities": {"sampling": {}, "elicitation": {"form": {}}, "roots": {}}}))
        .unwrap()
    }
    async fn create_message(
        &self,
        _: CreateMessageRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<CreateMessageResult, ErrorData> {
        made(
            json!({"model": "none", "role": "assistant", "content": {"type": "text", "text": "said"}}),
        )
    }
    async fn list_roots(
        &self,
        _: RequestContext<RoleClient>,
    ) -> Result<ListRootsResult, ErrorData> {
        made(json!({"roots": [{"uri": "file:///tmp", "name": "tmp"}]}))
    }
    async fn create_elicitation(
        &self,
        _: ElicitRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        made(json!({"action": "accept", "content": {"answer": "yes"}}))
    }
}

async fn connect(plan: &Value) -> Result<Service, Failure> {
    let lifecycle = match plan["modern"].as_bool() {
        Some(true) => ClientLifecycleMode::Discover {
            preferred_versions: vec![ProtocolVersion::V_2026_07_28],
        },
        _ => ClientLifecycleMode::Initialize,
    };
    if plan["transport"] == "stdio" {
        let argv: Vec<&str> = plan["argv"]
            .as_array()
            .unwrap()
            .iter()
            .map(|a| a.as_str().unwrap())
            .collect();
        let mut command = Command::new(argv[0]);
        if let Some(cwd) = plan["cwd"].as_str() {
            command.current_dir(cwd);
        }
        for (k, v) in plan["env"].as_object().into_iter().flatten() {
            command.env(k, v.as_str().unwrap());
        }
        let mut child = command
            .args(&argv[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let pipes = (child.stdout.take().unwrap(), child.stdin.take().unwrap());
        tokio::spawn(async move { child.wait().await });
        return Ok(serve_client_with_lifecycle(Client, pipes, lifecycle).await?);
    }
    let mut config = StreamableHttpClientTransportConfig::with_uri(plan["url"].as_str().unwrap());
    config.max_sse_event_size = 64 << 20;
    let transport = StreamableHttpClientTransport::from_config(config);
    Ok(serve_client_with_lifecycle(Client, transport, lifecycle).await?)
}

fn params(name: &Value, args: &Value) -> CallToolRequestParams {
    CallToolRequestParams::new(name.as_str().unwrap().to_string())
        .with_arguments(args.as_object().unwrap().clone())
}

async fn step(s: &Service, a: &[Value]) -> Result<&'static str, Failure> {
    match a[0].as_str().unwrap() {
        "tools" => drop(s.list_tools(None).await?),
        // this SDK puts a progress token into every request
        "call" | "notify" => {
            let r = s.call_tool(params(&a[1], &a[2])).await?;
            return Ok(if r.is_error == Some(true) {
                "tool_error"
            } else {
                "ok"
            });
        }
        "parallel" => {
            let calls: Vec<_> = a[1]
                .as_array()
                .unwrap()
                .iter()
                .map(|c| {
                    let (peer, p) = (s.peer().clone(), params(&c[0], &c[1]));
                    tokio::spawn(async move { peer.call_tool(p).await.is_ok() })
                })
                .collect();
            for c in calls {
                c.await?;
            }
        }
        "ping" => {
            let ping = ClientRequest::PingRequest(Default::default());
            s.send_cancellable_request(ping, PeerRequestOptions::no_options())
                .await?
                .await_response()
                .await?;
        }
        "resources" => drop(s.list_resources(None).await?),
        "read" => drop(s.read_resource(made(json!({"uri": a[1]}))?).await?),
        "prompts" => drop(s.list_prompts(None).await?),
        "prompt" => drop(
            s.get_prompt(made(json!({"name": a[1], "arguments": a[2]}))?)
                .await?,
        ),
        "cancel" => {
            let request =
                ClientRequest::CallToolRequest(CallToolRequest::new(params(&a[1], &a[2])));
            let handle = s
                .send_cancellable_request(request, PeerRequestOptions::no_options())
                .await?;
            tokio::time::sleep(Duration::from_millis(a[3].as_u64().unwrap())).await;
            handle.cancel(None).await?;
        }
        what => return Err(format!("no step {what}").into()),
    }
    Ok("ok")
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().collect();
    let plan: Value = serde_json::from_slice(&fs::read(&args[1])?)?;
    let s = connect(&plan).await?;
    let mut ends = Vec::new();
    for a in plan["steps"].as_array().unwrap() {
        ends.push(match step(&s, a.as_array().unwrap()).await {
            Ok(end) => end.to_string(),
            Err(e) => format!("error: {e}"),
        });
    }
    s.cancel().await?;
    fs::write(format!("{}.json", args[2]), serde_json::to_vec(&ends)?)?;
    Ok(())
}
