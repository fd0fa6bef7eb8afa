//! tinyproxy, an HTTP proxy, that knows names which no name server knows.

use std::fmt::Write;
use std::ops::{Deref, DerefMut};

use super::process::Process;
use super::{Packages, Transport};

/// A running tinyproxy; ends when dropped.
pub struct Tinyproxy {
    process: Process,
    packages: Packages,
}

impl Tinyproxy {
    /// Starts one that takes `names` for this machine, and lets in whom `account` (user name, password) names; everybody
    /// without one.
    pub async fn start(packages: &Packages, names: &[&str], account: Option<(&str, &str)>) -> Self {
        let process = Process::new(Transport::Tcp);
        let hosts: Vec<_> = names.iter().map(|name| format!("127.0.0.1 {name}\n")).collect();
        std::fs::write(process.path("hosts"), hosts.concat()).expect("it can be written");
        let mut tinyproxy = Self {
            process,
            packages: packages.clone(),
        };
        tinyproxy.configure(account);
        tinyproxy.resume().await;
        tinyproxy
    }

    /// Whom it lets in after the next start.
    pub fn configure(&self, account: Option<(&str, &str)>) {
        let log = self.process.path("access.log");
        let mut text = format!(
            "Port {}\nListen 127.0.0.1\nTimeout 600\nMaxClients 100\nLogLevel Connect\nLogFile \"{}\"\n",
            self.process.address().port(),
            log.display()
        );
        if let Some((username, password)) = account {
            writeln!(text, "BasicAuth {username} {password}").expect("writing to a String cannot fail");
        }
        std::fs::write(self.process.path("tinyproxy.conf"), text).expect("it can be written");
    }

    /// Starts it again after [`Process::stop`] or [`Process::kill`], with the same port and names.
    pub async fn resume(&mut self) {
        let mut command = self.packages.command("usr/bin/tinyproxy");
        command
            .arg("-d")
            .arg("-c")
            .arg(self.process.path("tinyproxy.conf"));
        command.env("LD_PRELOAD", "libnss_wrapper.so");
        command.env("NSS_WRAPPER_HOSTS", self.process.path("hosts"));
        self.process.start(command).await;
    }

    /// How to reach it.
    pub fn url(&self) -> String {
        format!("http://{}", self.process.address())
    }

    /// Whom it was asked for, in order, as `host:port`; refused requests too.
    pub fn asked(&self) -> Vec<String> {
        let log = std::fs::read_to_string(self.process.path("access.log")).unwrap_or_default();
        let requests = log.lines().filter_map(|line| line.split_once("): CONNECT "));
        let peers = requests.filter_map(|(_, request)| request.split_whitespace().next());
        peers.map(str::to_owned).collect()
    }

    /// To whom it made connections, in order.
    pub fn connected(&self) -> Vec<String> {
        let log = std::fs::read_to_string(self.process.path("access.log")).unwrap_or_default();
        let connections = log
            .lines()
            .filter_map(|line| line.split_once("connection to host \""));
        let hosts = connections.filter_map(|(_, rest)| rest.split('"').next());
        hosts.map(str::to_owned).collect()
    }
}

impl Deref for Tinyproxy {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.process
    }
}

impl DerefMut for Tinyproxy {
    fn deref_mut(&mut self) -> &mut Process {
        &mut self.process
    }
}
