// SPDX-License-Identifier: Apache-2.0
//! links_server tokio|std|process FOLDER PORT: the server of tests/bench/links with rmcp (see plan.py there):
//! on tokio::fs, on std::fs in async functions, and tokio::fs with programs.

use std::{env::args, io, time::Duration};

use rmcp::{
    ServerHandler, ServiceExt,
    handler::server::wrapper::Parameters,
    model::{ServerCapabilities, ServerConfig},
    tool, tool_handler, tool_router,
};
use schemars::JsonSchema;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tokio::{fs, process::Command, time::sleep};

#[derive(Deserialize, JsonSchema, Default)]
struct Args {
    delays: Vec<f64>,
    key: Option<String>,
    #[allow(dead_code)]
    note: Option<String>,
    make: Option<String>,
    read: Option<String>,
    old: Option<String>,
    new: Option<String>,
    drop: Option<String>,
    child: Option<String>,
}

/// One call, or one turn of the background task.
struct Work {
    delays: Vec<f64>,
    make: String,
    read: String,
    old: String,
    new: String,
    drop: String,
    child: String,
}

fn option(n: usize) -> String {
    args().nth(n).expect("links_server KIND FOLDER PORT")
}

impl Args {
    /// What is not named is derived from the key.
    fn derive(self, folder: &str) -> Work {
        let key = self.key.unwrap_or_default();
        let path = |name: Option<String>, what: &str| {
            name.unwrap_or_else(|| {
                let d = Sha256::digest(format!("{key}:{what}"));
                let hex: String = d[..12].iter().map(|b| format!("{b:02x}")).collect();
                format!("{folder}/{what}-{hex}")
            })
        };
        Work {
            delays: self.delays,
            make: path(self.make, "make"),
            read: path(self.read, "read"),
            old: path(self.old, "old"),
            new: path(self.new, "new"),
            drop: path(self.drop, "drop"),
            child: path(self.child, "child"),
        }
    }
}

/// Every other time by way of a shell that waits for it.
async fn touch(path: &str) -> io::Result<()> {
    let direct = "02468ace".contains(&path[path.len() - 1..]);
    let mut command = Command::new(if direct { "touch" } else { "sh" });
    if !direct {
        command.args(["-c", "touch \"$1\"; exit 0", "sh"]);
    }
    let status = command.arg(path).status().await?;
    status
        .success()
        .then_some(())
        .ok_or(io::Error::other("touch failed"))
}

impl Work {
    async fn wait(&self, i: usize) {
        sleep(Duration::from_secs_f64(self.delays[i] / 1e3)).await;
    }

    async fn run(&self, kind: &str) -> io::Result<()> {
        self.wait(0).await;
        if kind == "std" {
            std::fs::write(&self.make, "made\n")?;
            self.wait(1).await;
            std::fs::read(&self.read)?;
            std::fs::rename(&self.old, &self.new)?;
            self.wait(2).await;
            std::fs::remove_file(&self.drop)?;
        } else {
            fs::write(&self.make, "made\n").await?;
            self.wait(1).await;
            fs::read(&self.read).await?;
            fs::rename(&self.old, &self.new).await?;
            self.wait(2).await;
            fs::remove_file(&self.drop).await?;
            if kind == "process" {
                touch(&self.child).await?;
            }
        }
        self.wait(3).await;
        Ok(())
    }
}

async fn background(kind: String, folder: String) {
    for i in 0.. {
        let path = |what: &str| format!("{folder}/background-{i}-{what}");
        for what in ["read", "old", "drop"] {
            fs::write(path(what), "").await.expect("background");
        }
        let work = Work {
            delays: vec![10.0, 3.0, 3.0, 10.0],
            make: path("make"),
            read: path("read"),
            old: path("old"),
            new: path("new"),
            drop: path("drop"),
            child: path("child"),
        };
        work.run(&kind).await.expect("background");
    }
}

#[derive(Clone)]
struct Server {
    kind: String,
    folder: String,
}

#[tool_router]
impl Server {
    #[tool(description = "works on files")]
    async fn work(&self, Parameters(a): Parameters<Args>) -> Result<String, String> {
        let work = a.derive(&self.folder);
        work.run(&self.kind).await.map_err(|e| e.to_string())?;
        Ok("done".into())
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
    let (kind, folder) = (option(1), option(2));
    tokio::spawn(background(kind.clone(), folder.clone()));
    Server { kind, folder }
        .serve(rmcp::transport::stdio())
        .await?
        .waiting()
        .await?;
    Ok(())
}
