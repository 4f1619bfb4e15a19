//! Has webrtc-rs answer the offers that `record_answers.py` has bent, and prints what it says:
//!
//! ```sh
//! gunzip -c ../chromium_answers.json.gz | cargo run | gzip -9n > ../webrtc_rs_answers.json.gz
//! ```

use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use webrtc::api::APIBuilder;
use webrtc::api::interceptor_registry::register_default_interceptors;
use webrtc::api::media_engine::{MIME_TYPE_OPUS, MIME_TYPE_VP8, MediaEngine};
use webrtc::interceptor::registry::Registry;
use webrtc::peer_connection::configuration::RTCConfiguration;
use webrtc::peer_connection::sdp::session_description::RTCSessionDescription;
use webrtc::rtp_transceiver::rtp_codec::RTCRtpCodecCapability;
use webrtc::track::track_local::track_local_static_sample::TrackLocalStaticSample;

async fn answer(offer: String, has_tracks: bool) -> Result<String, webrtc::Error> {
    let mut engine = MediaEngine::default();
    engine.register_default_codecs()?;
    let registry = register_default_interceptors(Registry::new(), &mut engine)?;
    let api = APIBuilder::new()
        .with_media_engine(engine)
        .with_interceptor_registry(registry)
        .build();
    let connection = api.new_peer_connection(RTCConfiguration::default()).await?;
    for mime in [MIME_TYPE_OPUS, MIME_TYPE_VP8].into_iter().filter(|_| has_tracks) {
        let capability = RTCRtpCodecCapability {
            mime_type: mime.to_owned(),
            ..Default::default()
        };
        let track = TrackLocalStaticSample::new(capability, mime.to_owned(), "stream".to_owned());
        connection.add_track(Arc::new(track)).await?;
    }
    let offer = RTCSessionDescription::offer(offer)?;
    connection.set_remote_description(offer).await?;
    let answer = connection.create_answer(None).await?;
    connection.set_local_description(answer.clone()).await?;
    connection.close().await?;
    Ok(answer.sdp)
}

#[tokio::main]
async fn main() {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).expect("the recorded offers");
    let document: Value = serde_json::from_str(&text).expect("JSON");
    let mut records = Vec::new();
    for record in document["records"].as_array().expect("records") {
        let offer = record["offer"].as_str().expect("an offer").to_owned();
        let has_tracks = record["tracks"] == true;
        let work = tokio::time::timeout(Duration::from_secs(10), answer(offer, has_tracks));
        let name = &record["name"];
        records.push(match tokio::spawn(work).await {
            Ok(Ok(Ok(answer))) => json!({"name": name, "answer": without_candidates(&answer)}),
            Ok(Ok(Err(error))) => json!({"name": name, "error": error.to_string()}),
            Ok(Err(_)) => json!({"name": name, "error": "no answer in time"}),
            Err(error) => json!({"name": name, "error": error.to_string()}),
        });
    }
    println!("{}", json!({"program": "webrtc 0.17.2", "records": records}));
}

/// They are of the machine.
fn without_candidates(sdp: &str) -> String {
    let lines = sdp.split("\r\n");
    let kept = lines.filter(|line| !line.starts_with("a=candidate") && !line.starts_with("a=end-of"));
    kept.collect::<Vec<_>>().join("\r\n")
}
