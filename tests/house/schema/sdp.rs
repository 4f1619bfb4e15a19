//! The result of `sdp`.

use rtcdiag::commands::sdp::report::{self, Question, With};
use rtcdiag::proto::sdp::model::Description;
use serde_json::{Value, json};

use super::{assert_valid, nat};

const OFFER: &str = "v=0\no=- 1 1 IN IP4 203.0.113.5\ns=-\nc=IN IP4 192.168.1.5\nt=0 0\nm=audio 4000 RTP/AVP 0 8\na=inactive\n\
    m=video 4002 RTP/AVP 96\na=rtpmap:96 VP8/90000\na=rid:h send\na=simulcast:send h\n";
const ANSWER: &str = "v=0\no=- 1 1 IN IP4 203.0.113.9\ns=-\nc=IN IP4 203.0.113.9\nt=0 0\nm=audio 4000 RTP/AVP 0 8\na=sendrecv\n\
    m=video 4002 RTP/AVP 96\na=rtpmap:96 VP8/90000\na=rid:h recv\na=simulcast:recv h\n";

/// Two descriptions with problems of both.
pub fn everything() -> Value {
    let read = |text| Description::read(text, 1);
    let question = Question {
        offer: read(OFFER),
        with: With::Answer(Box::new(read(ANSWER))),
        others: 1,
        earlier: Vec::new(),
    };
    let result = json!(report::result(&question));
    assert!(
        result["problems"]
            .as_array()
            .is_some_and(|problems| problems.len() > 2)
    );
    document(result)
}

#[test]
fn one_description_follows_the_schema() {
    let question = Question {
        offer: Description::read("v=0\nm=audio 0 x 1\nm=video 9 RTP/AVP 96\n", 1),
        with: With::Nothing,
        others: 0,
        earlier: Vec::new(),
    };
    assert_valid(&document(json!(report::result(&question))));
}

fn document(result: Value) -> Value {
    let mut document = nat::everything();
    document["command"] = json!("sdp");
    document["result"] = result;
    document
}
