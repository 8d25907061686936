// SPDX-License-Identifier: Apache-2.0
//! The rmcp server of tests/e2e: the tools of py/server.py that every language has, on tokio::fs.

use rmcp::{
    ServerHandler, ServiceExt,
    handler::server::wrapper::Parameters,
    model::{ServerCapabilities, ServerConfig},
    tool, tool_handler, tool_router,
};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::{fs, process::Command};

#[derive(Deserialize, JsonSchema)]
struct Path {
    path: String,
}
#[derive(Deserialize, JsonSchema)]
struct Write {
    path: String,
    text: String,
}
#[derive(Deserialize, JsonSchema)]
struct Rename {
    src: String,
    dst: String,
}
#[derive(Deserialize, JsonSchema)]
struct Run {
    argv: Vec<String>,
}
#[derive(Deserialize, JsonSchema)]
struct Size {
    n: usize,
}

type Answer = Result<String, String>;

fn answer<T>(r: std::io::Result<T>, text: &str) -> Answer {
    r.map(|_| text.into()).map_err(|e| e.to_string())
}

#[derive(Clone)]
struct Server;

#[tool_router]
impl Server {
    #[tool(description = "reads a file")]
    async fn read_file(&self, Parameters(a): Parameters<Path>) -> Answer {
        fs::read_to_string(a.path).await.map_err(|e| e.to_string())
    }
    #[tool(description = "creates or replaces a file")]
    async fn write_file(&self, Parameters(a): Parameters<Write>) -> Answer {
        answer(fs::write(a.path, a.text).await, "written")
    }
    #[tool(description = "renames a file")]
    async fn rename_file(&self, Parameters(a): Parameters<Rename>) -> Answer {
        answer(fs::rename(a.src, a.dst).await, "renamed")
    }
    #[tool(description = "deletes a file")]
    async fn delete_file(&self, Parameters(a): Parameters<Path>) -> Answer {
        answer(fs::remove_file(a.path).await, "deleted")
    }
    #[tool(description = "runs a program")]
    async fn run(&self, Parameters(a): Parameters<Run>) -> Answer {
        let out = Command::new(&a.argv[0]).args(&a.argv[1..]).output().await;
        out.map(|o| String::from_utf8_lossy(&o.stdout).into())
            .map_err(|e| e.to_string())
    }
    #[tool(description = "answers with n bytes")]
    async fn big(&self, Parameters(a): Parameters<Size>) -> Answer {
        let mut s = "0123456789abcdef".repeat(a.n / 16 + 1);
        s.truncate(a.n);
        Ok(s)
    }
    #[tool(description = "fails")]
    async fn fail(&self) -> Answer {
        Err("this tool always fails".into())
    }
}

#[tool_handler]
impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    Server
        .serve(rmcp::transport::stdio())
        .await?
        .waiting()
        .await?;
    Ok(())
}
