//! How types that are not secret are stored and sent. Stored rows and records have these forms: changing one makes them
//! unreadable.

#![expect(clippy::unwrap_used, reason = "a test")]

use counterfoil_token::{Digest, Prefix, SealEpoch, WorkspaceKey};
use serde::{Serialize, de::DeserializeOwned};
use std::fmt::Debug;

fn both<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: T, json: &str, binary: &[u8]) {
    assert_eq!(serde_json::to_string(&value).unwrap(), json);
    assert_eq!(serde_json::from_str::<T>(json).unwrap(), value);
    // A reader passes an owned string, not a slice of the input.
    assert_eq!(serde_json::from_reader::<_, T>(json.as_bytes()).unwrap(), value);
    assert_eq!(postcard::to_allocvec(&value).unwrap(), binary);
    assert_eq!(postcard::from_bytes::<T>(binary).unwrap(), value);
}

#[test]
fn serialised_as_text_in_json_and_as_bytes_in_postcard() {
    both(Digest::from_bytes([0xab; 32]), &format!("\"{}\"", "ab".repeat(32)), &[0xab; 32]);
    both(WorkspaceKey::parse("0Abz9Q").unwrap(), "\"0Abz9Q\"", b"0Abz9Q");
    both(SealEpoch::from_bytes([0, 1, 0xfe, 0xff]), "\"0001feff\"", &[0, 1, 0xfe, 0xff]);
    both(Prefix::parse("acme_live").unwrap(), "\"acme_live\"", b"\x09acme_live");
}

#[test]
fn invalid_input_is_rejected_and_not_repeated_in_the_error() {
    fn refused<T: DeserializeOwned + Debug>(json: &str) {
        let error = serde_json::from_str::<T>(json).unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
    refused::<Digest>("\"hunter2\"");
    refused::<WorkspaceKey>("\"hunter2\"");
    refused::<SealEpoch>("\"hunter2\"");
    refused::<Prefix>("\"hunter2-\"");
    refused::<WorkspaceKey>("[48, 48, 48, 48, 48, 48]");

    assert!(postcard::from_bytes::<WorkspaceKey>(b"0Abz9_").is_err());
    assert!(postcard::from_bytes::<WorkspaceKey>(b"0Abz9").is_err());
    assert!(postcard::from_bytes::<Prefix>(b"\x04_cft").is_err());
    assert!(postcard::from_bytes::<Digest>(&[7; 31]).is_err());
}
