use super::*;

const ENTRIES: &str = r#"{"urls": "stun:a.example"}, {"urls": ["turn:b.example", "turns:b.example"], "username": "u", "credential": "c"}"#;

fn urls(text: &str) -> Vec<String> {
    let read = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let urls = read.entries.iter().flat_map(|entry| &entry.urls);
    urls.map(ToString::to_string).collect()
}

#[test]
fn lists_as_providers_write_them() {
    let list = format!("[{ENTRIES}]");
    let expected = urls(&list);
    assert_eq!(expected.len(), 3);
    assert_eq!(parse(&list).expect("a list").remarks, []);
    for text in [
        format!(r#"{{"iceServers": {list}, "iceTransportPolicy": "all"}}"#),
        format!(r#"{{"username": "x", "ice_servers": {list}, "password": "y", "ttl": "86400"}}"#),
        format!(r#"{{"v": {{"iceServers": {list}}}, "s": "ok"}}"#),
        format!(r#"{{"config": {{"rtc": [{{"iceServers": {list}}}]}}}}"#),
        list.replace("urls", "url"),
        list.replace(
            r#""urls": "stun:a.example""#,
            r#""url": "x", "urls": "stun:a.example""#,
        ),
        r#"{"ocs": {"data": {"stunservers": [{"urls": ["stun:a.example"]}], "turnservers": [{"urls": ["turn:b.example", "turns:b.example"], "username": "u", "credential": "c"}]}}}"#.to_owned(),
        format!(
            r#"{{"IceServerList": [{}]}}"#,
            ENTRIES.replace("urls", "Uris")
        ),
        format!("\u{20}\n/* ours */ {{iceServers: {list}}}"),
        format!(
            "const configuration = {{\n  iceServers: [{ENTRIES},], // ours\n}};\nnew RTCPeerConnection(configuration);"
        ),
        format!("window.config = {{'iceServers': {list}}};").replace('"', "'"),
        format!("iceServers: {list},"),
        format!("new RTCPeerConnection({{ iceServers: {list} }})").replace('"', "`"),
        format!("{list};"),
    ] {
        assert_eq!(urls(&text), expected, "{text}");
    }
    let single = r#"{"urls": "turn:b.example", "username": "u", "credential": "c"}"#;
    assert_eq!(urls(single), ["turn:b.example:3478"]);
    assert_eq!(
        urls(&format!(r#"{{"iceServers": {single}}}"#)),
        ["turn:b.example:3478"]
    );
    assert_eq!(urls(r#"["stun:a.example", " STUN:c.example "]"#).len(), 2);
    assert_eq!(urls("\"stun:a.example\"").len(), 1);
    let matrix = r#"{"username": "1:@a:b", "password": "p", "uris": ["turn:b.example?transport=tcp"], "ttl": 86400}"#;
    assert_eq!(urls(matrix), ["turn:b.example:3478?transport=tcp"]);
    assert!(
        parse(matrix).expect("an entry").entries[0]
            .credentials
            .is_some()
    );
}

#[test]
fn credentials_as_browsers_take_them() {
    let with = |rest: &str| {
        let text = format!(r#"[{{"urls": ["stun:a.example", "turn:b.example"]{rest}}}]"#);
        let read = parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        (read.entries[0].urls.len(), read.remarks.len())
    };
    assert_eq!(with(""), (2, 0));
    assert_eq!(with(r#", "username": 17, "credential": 4711"#), (2, 0));
    assert_eq!(with(r#", "username": null, "credential": null"#), (2, 0));
    // They matter for TURN alone.
    assert_eq!(with(r#", "username": "", "credential": """#), (1, 1));
    assert_eq!(with(r#", "credential": "c""#), (1, 1));
    assert_eq!(
        with(r#", "username": "u", "credential": {"macKey": "x"}"#),
        (1, 1)
    );
    let stun = r#"[{"urls": "stun:a.example", "username": "", "credential": ""}]"#;
    assert_eq!(parse(stun).expect("a server").remarks, []);
    let read = parse(r#"[{"urls": "stun:a.example", "credential": "s"}]"#).expect("a server");
    assert!(read.has_secret);
}

#[test]
fn single_urls_are_left_out() {
    let text = "[\n {\"urls\": [\"stun:a.example\", \"http://b.example\", \"stun://c.example\", \"\", \"d.example\",\n\
        \"turn:e.example?transport=tls\", \"turns:f.example?transport=udp\", \"stun:g.example?transport=udp\"]}, 7, {\"host\": \"x\"}]";
    assert_eq!(
        urls(text),
        [
            "stun:a.example:3478",
            "turns:f.example:5349",
            "stun:g.example:3478"
        ]
    );
    let remarks = parse(text).expect("servers").remarks;
    let said: Vec<&str> = remarks
        .iter()
        .map(|remark| match remark {
            Remark::Form(text) | Remark::LeftOut(text) => text.as_str(),
            Remark::Policy { .. } => "policy",
        })
        .collect();
    assert_eq!(said.len(), 9, "{said:#?}");
    assert!(
        said[0].starts_with("entry 1 (line 2 column 30): 'http://'"),
        "{said:#?}"
    );
    assert!(
        said[4].contains("turns:") && said[4].contains("line 3"),
        "{said:#?}"
    );
    assert!(
        said[7].contains("entry 2") && said[8].contains("\"host\""),
        "{said:#?}"
    );
}

#[test]
fn mistakes_are_named_and_located() {
    for (text, says) in [
        ("", "the file is empty"),
        (" \n", "the file is empty"),
        ("<!DOCTYPE html>", "HTML"),
        ("{}", "iceServers"),
        ("[]", "names no server"),
        ("[{}]", "no \"urls\""),
        ("[\n  {\"urls\": 5}\n]", "line 2 column 12"),
        ("[{\"urls\": \"http://a\"}]", "entry 1"),
        ("[\"secret\"]", "no scheme"),
        ("secret", "not JSON"),
        ("[{\"urls\": \"stun:a\"", "cut off"),
        ("[{\"urls\": \"stun:a", "cut off"),
        (
            "[{\"urls\": \"stun:a\"} {\"urls\": \"stun:b\"}]",
            "a comma is missing",
        ),
        ("[\n{urls: url}]", "JavaScript, not JSON"),
        (
            "const x = {\n iceServers: [{urls: `stun:${host}`}] }",
            "JavaScript, not JSON",
        ),
        ("stun:a.example\nturn:b.example", "-s"),
        ("iceServers:\n  - urls: stun:a", "YAML"),
        ("listening-port=3478\n", "configuration file"),
        ("nat: {\n stun_server = \"a\"\n}", "configuration file"),
        (
            "; ours\n[general]\nrtpstart=10000\nstunaddr=stun.example.org\n",
            "configuration file with sections",
        ),
        (
            "{&quot;iceServers&quot;:[{&quot;urls&quot;:&quot;stun:a&quot;}]}",
            "as HTML has them",
        ),
        ("null", "it is JSON, and neither a list nor an object"),
        (
            "HTTP/2 200\r\ncontent-type: application/json\r\n\r\n[]",
            "headers of an HTTP answer",
        ),
        // [{"urls":"stun:a"}]
        ("W3sidXJscyI6\nInN0dW46YSJ9XQ==", "it is base64"),
        (
            "<services xmlns='urn:xmpp:extdisco:2'/>",
            "XMPP server (XEP-0215)",
        ),
        ("[{\"urls\": \"stun:a\"}]\n[]", "more than one"),
    ] {
        let error = parse(text).expect_err(text).to_string();
        assert!(error.contains(says), "{text}: {error}");
        assert!(!error.contains("secret"), "{error}");
    }
    let remark = |text: &str| match parse(text).expect(text).remarks.swap_remove(0) {
        Remark::Form(text) | Remark::LeftOut(text) => text,
        Remark::Policy { .. } => "policy".to_owned(),
    };
    let comma = remark("[\n {\"urls\": \"stun:a\"},\n]");
    assert!(
        comma.contains("comma before ]") && comma.contains("line 2"),
        "{comma}"
    );
    let jitsi = "var config = { p2p: { stunServers: [ { urls: 'stun:a' } ] } };";
    assert!(
        parse(jitsi)
            .expect(jitsi)
            .remarks
            .iter()
            .any(|remark| { matches!(remark, Remark::Form(text) if text.contains("Jitsi")) })
    );
    let talk = r#"{"stunservers": [{"urls": "stun:a"}], "turnservers": []}"#;
    assert!(remark(talk).contains("Nextcloud Talk"));
    assert!(remark("[{urls: 'stun:a'}]").contains("JavaScript, not JSON"));
    assert!(remark("[{\"urls\": \"stun:a\"}] // ours").contains("comment"));
}
