// SPDX-License-Identifier: Apache-2.0
//! client PLAN OUT: makes the plan's calls with rmcp over stdio (pipes). Writes what py/client.py
//! writes.

use std::{
    fs,
    pin::Pin,
    process::Stdio,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use rmcp::{ServiceExt, model::CallToolRequestParams};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    process::Command,
    sync::Semaphore,
};

/// Keeps what passes one pipe.
struct Tap<T>(T, Arc<Mutex<Vec<u8>>>);

impl<T: AsyncRead + Unpin> AsyncRead for Tap<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buf.filled().len();
        let r = Pin::new(&mut self.0).poll_read(cx, buf);
        self.1
            .lock()
            .unwrap()
            .extend_from_slice(&buf.filled()[before..]);
        r
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Tap<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let r = Pin::new(&mut self.0).poll_write(cx, buf);
        if let Poll::Ready(Ok(n)) = r {
            self.1.lock().unwrap().extend_from_slice(&buf[..n]);
        }
        r
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let plan: Value = serde_json::from_slice(&fs::read(&args[1])?)?;
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
    let mut child = command
        .args(&argv[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let (c2s, s2c) = (Arc::default(), Arc::default());
    let transport = (
        Tap(child.stdout.take().unwrap(), Arc::clone(&s2c)),
        Tap(child.stdin.take().unwrap(), Arc::clone(&c2s)),
    );
    let service = ().serve(transport).await?;
    service.list_all_tools().await?;

    let slots = Arc::new(Semaphore::new(plan["parallel"].as_u64().unwrap() as usize));
    let mut tasks = Vec::new();
    for call in plan["calls"].as_array().unwrap().clone() {
        let slot = Arc::clone(&slots).acquire_owned().await?;
        let peer = service.peer().clone();
        tasks.push(tokio::spawn(async move {
            let _slot = slot;
            let params = CallToolRequestParams::new(call["tool"].as_str().unwrap().to_string())
                .with_arguments(call["arguments"].as_object().unwrap().clone());
            match peer.call_tool(params).await {
                Err(e) => json!({"status": "rpc_error", "text": e.to_string()}),
                Ok(r) => {
                    let text: String = r
                        .content
                        .iter()
                        .filter_map(|c| Some(c.as_text()?.text.clone()))
                        .collect();
                    let sum: String = Sha256::digest(&text)
                        .iter()
                        .map(|b| format!("{b:02x}"))
                        .collect();
                    let status = if r.is_error == Some(true) {
                        "tool_error"
                    } else {
                        "ok"
                    };
                    json!({"status": status, "text_len": text.chars().count(), "text_sha256": sum})
                }
            }
        }));
    }
    let mut results = Vec::new();
    for t in tasks {
        results.push(t.await?);
    }
    service.cancel().await?;
    child.wait().await?;
    fs::write(format!("{}.json", args[2]), serde_json::to_vec(&results)?)?;
    fs::write(format!("{}.0.c2s", args[2]), &*c2s.lock().unwrap())?;
    fs::write(format!("{}.0.s2c", args[2]), &*s2c.lock().unwrap())?;
    Ok(())
}
