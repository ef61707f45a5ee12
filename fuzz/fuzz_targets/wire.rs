//! What crosses between the API and the objects. Whatever the bytes are they are read without a panic; and what is read as a
//! request or as a reply is written as one that is read as the same, in the same bytes from then on.

#![no_main]

use std::fmt::Debug;

use counterfoil_protocol::{
    Answered, CommandError,
    command::{CreateToken, ImportTokens, Lease, ListTokens, ReadAudit, ReadUsage, Records, Request},
    decode_reply, directory, json, reply_json,
};
use libfuzzer_sys::fuzz_target;
use serde::{Serialize, de::DeserializeOwned};

fn comes_back<T: Serialize + DeserializeOwned + Debug>(bytes: &[u8]) {
    let Some(item) = json::read::<T>(bytes) else { return };
    let written = serde_json::to_vec(&item).expect("it is written");
    let again: T = json::read(&written).expect("what is written is read");
    assert_eq!(serde_json::to_vec(&again).expect("it is written again"), written);
}

/// The reply to a command, where it is one, holds what the API's caller is answered.
fn is_reply<C: counterfoil_protocol::command::Ask>(bytes: &[u8]) -> bool {
    match decode_reply::<C>(bytes) {
        Ok(Ok(reply)) => {
            let Ok(Ok(Answered { reply: json, .. })) = reply_json(bytes) else { panic!("a reply holds JSON") };
            assert!(json::read::<C::Reply>(json).is_some());
            let written = serde_json::to_vec(&reply).expect("a reply is written");
            assert!(json::read::<C::Reply>(&written).is_some(), "and read again");
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
    comes_back::<Request>(bytes);
    comes_back::<directory::Request>(bytes);
    comes_back::<CommandError>(bytes);
    is_reply::<CreateToken>(bytes);
    is_reply::<ImportTokens>(bytes);
    is_reply::<ListTokens>(bytes);
    is_reply::<ReadAudit>(bytes);
    is_reply::<ReadUsage>(bytes);
    // Nobody takes what is no answer to a verifier for one.
    if is_reply::<Records>(bytes) {
        assert!(!is_reply::<CreateToken>(bytes));
    }
    is_reply::<Lease>(bytes);
});
