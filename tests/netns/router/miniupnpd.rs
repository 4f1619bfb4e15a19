//! `miniupnpd` on a router, with PCP, NAT-PMP and UPnP IGD.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How often it is looked for something that has to come: for half a minute on an idle machine.
pub const LOOKS: usize = 1000;

/// Starts it with these lines of configuration beside those that always stand. It listens when this returns.
pub fn start(namespace: &str, scratch: &Path, lines: &[String]) -> Result<Child, String> {
    let config = scratch.join("miniupnpd.conf");
    let mut text = String::from("ext_ifname=wan\nlistening_ip=lan\n");
    text += "uuid=e7fee4c4-676b-4f26-b4ac-b2d040dd7329\nsecure_mode=yes\n";
    text += &lines.join("\n");
    text += "\n";
    std::fs::write(&config, text).map_err(|e| e.to_string())?;
    let child = Command::new("ip")
        .args(["netns", "exec", namespace, "miniupnpd", "-d", "-f"])
        .arg(&config)
        .arg("-P")
        .arg(scratch.join("miniupnpd.pid"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| format!("miniupnpd: {e}"))?;
    Ok(child)
}

/// Returns when these UDP ports are open in the namespace.
pub fn wait_until_open(child: &mut Child, namespace: &str, ports: &[u16]) -> Result<(), String> {
    for _ in 0..LOOKS {
        let output = Command::new("ip")
            .args(["netns", "exec", namespace, "ss", "-lunH"])
            .output()
            .map_err(|e| format!("ss: {e}"))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if ports.iter().all(|port| text.contains(&format!(":{port} "))) {
            return Ok(());
        }
        if let Ok(Some(status)) = child.try_wait() {
            return Err(format!("miniupnpd ended: {status}"));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Err("miniupnpd does not listen".to_owned())
}

/// Whether the router has a mapping.
pub fn has_mapping(namespace: &str) -> bool {
    let output = Command::new("ip")
        .args(["netns", "exec", namespace, "nft", "list", "ruleset"])
        .output()
        .expect("nft runs");
    String::from_utf8_lossy(&output.stdout).contains("dnat ")
}
