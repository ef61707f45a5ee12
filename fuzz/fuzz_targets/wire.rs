//! Messages between the API and the objects. Parsing arbitrary bytes never panics, and a parsed request or reply serializes
//! to a form that parses to the same value and no longer changes.

#![no_main]

use std::fmt::Debug;

use counterfoil_protocol::{
    Answered, CommandError,
    command::{CreateToken, ImportTokens, Lease, ListTokens, ReadAudit, ReadUsage, Records, Request},
    decode_reply, directory, json, reply_json,
};
use libfuzzer_sys::fuzz_target;
use serde::{Serialize, de::DeserializeOwned};

fn round_trips<T: Serialize + DeserializeOwned + Debug>(bytes: &[u8]) {
    let Some(item) = json::read::<T>(bytes) else { return };
    let written = serde_json::to_vec(&item).expect("a message serializes");
    let again: T = json::read(&written).expect("a serialized message parses");
    assert_eq!(serde_json::to_vec(&again).expect("a message serializes again"), written);
}

/// Whether the bytes are a successful reply to the command. If so, it contains the JSON of the API's response.
fn is_reply<C: counterfoil_protocol::command::Ask>(bytes: &[u8]) -> bool {
    match decode_reply::<C>(bytes) {
        Ok(Ok(reply)) => {
            let Ok(Ok(Answered { reply: json, .. })) = reply_json(bytes) else { panic!("a reply contains JSON") };
            assert!(json::read::<C::Reply>(json).is_some());
            let written = serde_json::to_vec(&reply).expect("a reply serializes");
            assert!(json::read::<C::Reply>(&written).is_some(), "a serialized reply parses");
            true
        }
        Ok(Err(_)) => {
            assert!(matches!(reply_json(bytes), Ok(Err(_))));
            false
        }
        Err(_) => false,
    }
}

fuzz_target!(|bytes: &[u8]| {
    round_trips::<Request>(bytes);
    round_trips::<directory::Request>(bytes);
    round_trips::<CommandError>(bytes);
    is_reply::<CreateToken>(bytes);
    is_reply::<ImportTokens>(bytes);
    is_reply::<ListTokens>(bytes);
    is_reply::<ReadAudit>(bytes);
    is_reply::<ReadUsage>(bytes);
    // A reply to a verifier's query is not a reply to another command.
    if is_reply::<Records>(bytes) {
        assert!(!is_reply::<CreateToken>(bytes));
    }
    is_reply::<Lease>(bytes);
});
