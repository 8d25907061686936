// SPDX-License-Identifier: Apache-2.0
//! matrix_server stdio | http | http-json | http-stateless [PORT]: the matrix' server with rmcp

use std::{sync::Arc, time::Duration};

use rmcp::{
    ErrorData, RoleServer, ServerHandler, ServiceExt,
    model::*,
    service::RequestContext,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
    },
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn made<T: DeserializeOwned>(v: Value) -> Result<T, ErrorData> {
    serde_json::from_value(v).map_err(|e| ErrorData::internal_error(e.to_string(), None))
}

fn said(text: impl Into<String>) -> CallToolResult {
    CallToolResult::success(vec![ContentBlock::text(text.into())])
}

fn failed(e: impl ToString) -> ErrorData {
    ErrorData::internal_error(e.to_string(), None)
}

#[derive(Clone)]
struct Server;

impl Server {
    #[allow(deprecated)]
    async fn notify(&self, context: &RequestContext<RoleServer>) -> Result<(), ErrorData> {
        for i in 0..3 {
            let log = json!({"level": "info", "data": format!("note {i} ü")});
            let peer = &context.peer;
            peer.notify_logging_message(made(log)?)
                .await
                .map_err(failed)?;
            if let Some(token) = context.meta.get_progress_token() {
                let progress = json!({"progressToken": token, "progress": i, "total": 3});
                peer.notify_progress(made(progress)?)
                    .await
                    .map_err(failed)?;
            }
        }
        Ok(())
    }

    /// From 2026-07-28 on by a result that requires input, before by a request of the server.
    #[allow(deprecated)]
    async fn ask(
        &self,
        what: &str,
        request: &CallToolRequestParams,
        context: &RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        if let Some(responses) = &request.input_responses {
            return Ok(said(json!(responses).to_string()).into());
        }
        let (method, params) = match what {
            "elicit" => (
                "elicitation/create",
                json!({"mode": "form", "message": "Sure?", "requestedSchema":
                    {"type": "object", "properties": {"answer": {"type": "string"}}}}),
            ),
            "sample" => (
                "sampling/createMessage",
                json!({"messages": [{"role": "user", "content": {"type": "text", "text": "Say."}}], "maxTokens": 9}),
            ),
            _ => ("roots/list", json!({})),
        };
        let version = context
            .peer
            .peer_info()
            .map(|i| i.protocol_version.to_string());
        if version.is_none_or(|v| v.as_str() >= "2026-07-28") {
            let wanted: InputRequest = made(json!({"method": method, "params": params}))?;
            return Ok(InputRequiredResult::new(
                Some([("wanted".to_string(), wanted)].into()),
                Some(format!("state of {what}")),
            )
            .into());
        }
        let peer = &context.peer;
        let r = match what {
            "elicit" => json!(
                peer.create_elicitation(made(params)?)
                    .await
                    .map_err(failed)?
            ),
            "sample" => json!(peer.create_message(made(params)?).await.map_err(failed)?),
            _ => json!(peer.list_roots().await.map_err(failed)?),
        };
        Ok(said(r.to_string()).into())
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(
            ServerCapabilities::builder()
                .enable_tools()
                .enable_resources()
                .enable_prompts()
                .enable_logging()
                .build(),
        )
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tools: Vec<Value> = ["echo", "big", "fail", "sleep", "notify", "ask"]
            .iter()
            .map(|name| json!({"name": name, "inputSchema": {"type": "object"}}))
            .collect();
        made(json!({"resultType": "complete", "tools": tools}))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let args = Value::Object(request.arguments.clone().unwrap_or_default());
        let n = |name| args[name].as_u64().unwrap_or(0);
        let text = |name| args[name].as_str().unwrap_or("").to_string();
        Ok(match request.name.as_ref() {
            "echo" => said(text("text")).into(),
            "big" => {
                let mut s = "0123456789abcdef".repeat(n("n") as usize / 16 + 1);
                s.truncate(n("n") as usize);
                said(s).into()
            }
            "fail" => {
                CallToolResult::error(vec![ContentBlock::text("this tool always fails")]).into()
            }
            "sleep" => {
                tokio::time::sleep(Duration::from_millis(n("ms"))).await;
                said("slept").into()
            }
            "notify" => {
                self.notify(&context).await?;
                said("notified").into()
            }
            "ask" => self.ask(&text("what"), &request, &context).await?,
            name => return Err(ErrorData::invalid_params(format!("no tool {name}"), None)),
        })
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        made(
            json!({"resultType": "complete", "resources": [{"uri": "note://one", "name": "note"}]}),
        )
    }

    async fn read_resource(
        &self,
        _: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let r: ReadResourceResult = made(
            json!({"resultType": "complete", "contents": [{"uri": "note://one", "text": "a note, grüße"}]}),
        )?;
        Ok(r.into())
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        made(json!({"resultType": "complete", "prompts": [{"name": "greet"}]}))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let text = format!("Greet {}", json!(request.arguments)["name"]);
        let r: GetPromptResult = made(
            json!({"resultType": "complete", "messages": [{"role": "user", "content": {"type": "text", "text": text}}]}),
        )?;
        Ok(r.into())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    if args[1] == "stdio" {
        Server
            .serve(rmcp::transport::stdio())
            .await?
            .waiting()
            .await?;
        return Ok(());
    }
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(args[1] != "http-stateless")
        .with_json_response(args[1] == "http-json");
    let service = StreamableHttpService::new(
        || Ok(Server),
        Arc::new(LocalSessionManager::default()),
        config,
    );
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{}", args[2])).await?;
    axum::serve(listener, axum::Router::new().nest_service("/mcp", service)).await?;
    Ok(())
}
