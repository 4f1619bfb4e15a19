//! tayga, a stateless translator (RFC 7915), in a namespace of a lab. With a masquerade behind it, it is what a provider calls
//! NAT64; by itself in the client's namespace it is the customer side of 464XLAT.

use std::fs::{self, File};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::lab::Lab;

/// How to translate.
pub struct Tayga<'a> {
    /// The namespace.
    pub role: &'a str,
    /// The interface.
    pub device: &'a str,
    pub prefix: &'a str,
    /// Its own addresses, for ICMP errors.
    pub own: (&'a str, &'a str),
    /// Whose IPv6 addresses stand for which IPv4 ones.
    pub pool: Pool<'a>,
}

pub enum Pool<'a> {
    /// Each IPv6 host gets an address of this network.
    Dynamic(&'a str),
    /// One IPv4 host and its IPv6 address.
    One(&'a str, &'a str),
}

/// How often it is looked whether the interface has come up, 10 ms apart: many more than it takes.
const LOOKS: usize = 2000;

/// Starts it, with routes to what it translates; it ends with the lab.
pub fn start(lab: &mut Lab, tayga: &Tayga) -> Result<(), String> {
    let Tayga { role, device, .. } = *tayga;
    let config = lab.scratch().join(format!("tayga-{device}.conf"));
    let pool = match tayga.pool {
        Pool::Dynamic(network) => format!("dynamic-pool {network}"),
        Pool::One(inner, outer) => format!("map {inner} {outer}"),
    };
    let text = format!(
        "tun-device {device}\nipv4-addr {}\nipv6-addr {}\nprefix {}\n{pool}\n",
        tayga.own.0, tayga.own.1, tayga.prefix
    );
    fs::write(&config, text).map_err(|e| e.to_string())?;
    lab.ip(role, &format!("tuntap add dev {device} mode tun"))?;
    lab.ip(role, &format!("link set {device} up"))?;
    let log = File::create(lab.scratch().join(format!("tayga-{device}.log")))
        .map_err(|e| e.to_string())?;
    let mut command = Command::new("ip");
    command.args(["netns", "exec", &lab.namespace(role), "tayga", "--nodetach"]);
    command.arg("--config").arg(&config).stdin(Stdio::null());
    command.stdout(log.try_clone().map_err(|e| e.to_string())?);
    let child = command
        .stderr(log)
        .spawn()
        .map_err(|e| format!("tayga: {e}"))?;
    lab.adopt(child);
    wait_until_up(lab, role, device)?;
    match tayga.pool {
        Pool::Dynamic(network) => {
            lab.ip(role, &format!("route add {network} dev {device}"))?;
            lab.ip(role, &format!("-6 route add {} dev {device}", tayga.prefix))?;
        }
        Pool::One(inner, outer) => {
            lab.ip(role, &format!("addr add {inner}/32 dev {device}"))?;
            lab.ip(role, &format!("route add default dev {device}"))?;
            lab.ip(role, &format!("-6 route add {outer}/128 dev {device}"))?;
        }
    }
    lab.ip(
        role,
        &format!("-6 route add {}/128 dev {device}", tayga.own.1),
    )
}

/// A tun device has a carrier once somebody reads it.
fn wait_until_up(lab: &Lab, role: &str, device: &str) -> Result<(), String> {
    for _ in 0..LOOKS {
        let shown = Command::new("ip")
            .args(["-n", &lab.namespace(role), "link", "show", device])
            .output()
            .map_err(|e| e.to_string())?;
        if String::from_utf8_lossy(&shown.stdout).contains("LOWER_UP") {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Err(format!("tayga does not open {device}"))
}
