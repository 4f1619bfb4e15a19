//! What runs that are interrupted leave with coturn, which counts each user's allocations.

use std::process::Stdio;
use std::time::Duration;

use crate::coturn::coturn_with;
use crate::support::program::{
    GOOD, INCONCLUSIVE, json, program, read, signal, until, wait_for_end,
};
use crate::support::turn_client::{Relayed, udp};

/// Twelve times Ctrl-C, with four allocations or more each time, and the user's twelve are all free
/// again. Without that, error 486 until they have lived for ten minutes.
#[test]
fn interrupted_runs_leave_the_quota_as_it_was() {
    let Some(server) = coturn_with(&["--user-quota=12"]) else {
        return;
    };
    let uri = format!("turn:{}?transport=udp", server.address);
    for round in 0_u64..12 {
        let command = if round % 2 == 0 {
            vec!["turn", &*uri, "--json"]
        } else {
            vec!["gather", "-s", &*uri, "--json"]
        };
        let child = program(&command)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it runs");
        std::thread::sleep(Duration::from_millis(30 + 25 * round));
        signal(&child, "INT");
        read(&wait_for_end(child, Duration::from_secs(30)));
    }
    // coturn counts an allocation for up to a second after its end.
    let mut run = json(program(&["turn", &uri]));
    until(|| {
        if run.finding("allocation-quota-reached").is_some() {
            run = json(program(&["turn", &uri]));
        }
        run.finding("allocation-quota-reached").is_none()
    });
    run.assert_code(GOOD);
}

/// An allocation that a program of before holds is no fault of the server.
#[test]
fn an_allocation_of_before_is_no_fault_of_the_server() {
    let Some(server) = coturn_with(&["--user-quota=1"]) else {
        return;
    };
    let held = Relayed::new(udp(server.address)).expect("an allocation");
    let uri = format!("turn:{}?transport=udp", server.address);
    let run = json(program(&["turn", &uri]));
    run.assert_code(INCONCLUSIVE);
    let summary = run.summary();
    assert!(summary.contains("says nothing of its health"), "{summary}");
    assert!(summary.contains("10 minutes"), "{summary}");
    drop(held);
}
