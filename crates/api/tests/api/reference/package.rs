//! The contract of the npm package with its wasm module and with the control plane. It is declared in Rust, and written
//! into the package from here.

use std::fmt::Display;

use counterfoil_api::{
    CHALLENGE, CREDENTIALS, LONGEST_HEADER, MOST_SCOPE, identity_headers,
    refused::{self, Refused},
};
use counterfoil_protocol::BuiltIn;
use counterfoil_verify::{Code, Freshness, Question, Snapshot, Timestamp};
use counterfoil_wasm::contract::{
    ABSENT, ADDRESS_ROOM, BATCH, DemandFault, DemandLine, NeedKind, RENEWAL, SnapshotFault, TEXT_ROOM,
};

use super::up_to_date;

const FOLDER: &str = "crates/wasm/js";

/// The result of a check that needs to fetch something.
const PENDING: &str = "PENDING";

#[test]
fn the_npm_contract_is_up_to_date() {
    up_to_date(&format!("{FOLDER}/contract.js"), &script());
    up_to_date(&format!("{FOLDER}/codes.d.ts"), &types());
}

/// Each kind has fields of its own, so its type is written by hand.
#[test]
fn every_need_kind_has_a_typescript_type() {
    let types = include_str!("../../../../wasm/js/index.d.ts");
    let (_, needs) = types.split_once("export type Need =\n").unwrap();
    let (needs, _) = needs.split_once("\n\n").unwrap();
    let kinds: Vec<_> = needs.lines().filter_map(|need| need.split('"').nth(1)).collect();
    assert_eq!(kinds, NeedKind::ALL.map(NeedKind::as_str));
}

/// The console describes each scope in its own words.
#[test]
fn the_console_knows_every_built_in_scope() {
    let source = include_str!("../../../../../www/console/lib/scopes.js");
    let names: Vec<_> =
        source.lines().filter_map(|line| line.strip_prefix("  { name: \"")?.split('"').next()).collect();
    assert_eq!(names, BuiltIn::ALL.map(BuiltIn::name));
}

/// The JavaScript module being written.
struct Script(String);

impl Script {
    fn say(&mut self, about: &str, name: &str, value: impl Display) {
        self.0 += &format!("\n/** {about} */\nexport const {name} = {value};\n");
    }
}

fn script() -> String {
    let mut script = Script(String::from(
        "// What the package has in common with the module that it loads and with the control plane. Made by `cargo xtask\n\
         // docs` of what crates/wasm/src/contract.rs, crates/verify and crates/api declare: change it there.\n",
    ));
    say_module(&mut script);
    say_control_plane(&mut script);
    script.0
}

/// The interface of the wasm module, and its constants.
fn say_module(script: &mut Script) {
    script.say(
        "What was decided, by its number. 0 is nothing yet: something must be fetched first.\n *\n * @type {readonly \
         import(\"./codes.js\").Code[]}",
        "CODES",
        format!("Object.freeze({})", list(codes())),
    );
    script.say("The number of what was not decided yet.", PENDING, 0);
    script.say("The number of the only yes.", Code::Valid.as_str(), Code::Valid as u8);
    script.say("The bits of an answer that are its code.", "CODE_BITS", RENEWAL - 1);
    script.say("The bit of an answer that says that a lease is to be renewed.", "RENEWAL_BIT", RENEWAL);
    script.say("Room in the module's input buffer for a text, in bytes.", "TEXT_ROOM", TEXT_ROOM);
    script.say("Room behind it for an address.", "ADDRESS_ROOM", ADDRESS_ROOM);
    script.say("How many token values are verified in one call.", "BATCH", BATCH);
    script.say("The length of a value that is not there.", "ABSENT", ABSENT);

    let letter = |line: DemandLine| (line.name(), quoted(char::from(line as u8)));
    script.say("What the line of each field of a demand begins with.", "LINES", object(DemandLine::ALL.map(letter)));
    let faults = DemandFault::ALL.map(DemandFault::as_str);
    script.say("Why a demand was refused, by the module's negative numbers from -1 on.", "DEMAND_FAULTS", list(faults));
    let faults = SnapshotFault::ALL.map(SnapshotFault::as_str);
    script.say("Why a snapshot was not taken, likewise.", "SNAPSHOT_FAULTS", list(faults));
    let kinds = NeedKind::ALL.map(|kind| (kind.as_str(), quoted(kind.as_str())));
    script.say("What a check waits for, by the `kind` of its need.", "NEEDS", object(kinds));

    script.say(
        "How stale an answer may be, the strictest first.",
        "FRESHNESS",
        list(Freshness::ALL.map(Freshness::as_str)),
    );
    script.say("The most digests that one question names.", "MOST_DIGESTS", Question::MOST_DIGESTS);
    script.say("The last millisecond that RFC 3339 can tell.", "END_OF_TIME", Timestamp::END_OF_TIME.0);
    let layout = [
        ("format", usize::from(Snapshot::FORMAT)),
        ("kind", usize::from(Snapshot::KIND)),
        ("head", Snapshot::HEAD),
        ("signature", Snapshot::SIGNATURE),
    ];
    script.say(
        "The first two bytes of a snapshot, and how long what is signed and its signature are.",
        "SNAPSHOT",
        object(layout),
    );
}

/// What the package shares with the control plane.
fn say_control_plane(script: &mut Script) {
    script.say("Every header that may hold a token, or half of a pair that does.", "CREDENTIALS", list(CREDENTIALS));
    script.say("The longest of these that is looked at, in characters.", "LONGEST_HEADER", LONGEST_HEADER);
    let headers = [
        ("id", identity_headers::ID),
        ("owner", identity_headers::OWNER),
        ("scopes", identity_headers::SCOPES),
        ("scopesComplete", identity_headers::SCOPES_COMPLETE),
        ("workspace", identity_headers::WORKSPACE),
        ("client", identity_headers::CLIENT),
    ];
    let headers = headers.map(|(name, header)| (name, quoted(header)));
    script.say("The headers in which an origin is told who calls.", "IDENTITY_HEADERS", object(headers));
    script.say(
        "The most bytes of scopes that an origin is told: servers bound the heads that they read.",
        "MAX_SCOPES",
        identity_headers::MAX_SCOPES,
    );

    let refused = refusals().map(|refused| {
        (refused.code.as_str(), format!("[{}, {}]", refused.code.status().as_u16(), quoted(refused.detail)))
    });
    script.say(
        "Status and detail of what does not pass, by its code, as the control plane has them.",
        "REFUSALS",
        object(refused),
    );
    script.say(
        "What is said of a text that is no token, with the reason in place of `{why}`.",
        "NO_TOKEN",
        quoted(refused::MALFORMED),
    );
    let lacks = [
        ("scope", refused::LACKS_SCOPE),
        ("scopes", refused::LACKS_SCOPES),
        ("oneOf", refused::HAS_NONE),
        ("both", refused::LACKS_AND_HAS_NONE),
    ];
    let about = "What a token lacks, in words: `{all}` stands for the scopes that it needs, `{one}` for those of which it needs one.";
    script.say(about, "LACKS", object(lacks.map(|(name, words)| (name, quoted(words)))));
    script.say("What every challenge begins with (RFC 6750).", "CHALLENGE", quoted(CHALLENGE));
    let about = "The longest `scope` that a challenge names: proxies refuse an answer whose headers are long.";
    script.say(about, "MOST_SCOPE", MOST_SCOPE);
}

fn types() -> String {
    let mut types = String::from("// Made by `cargo xtask docs`: the types of contract.js.\n");
    let mut say = |about: &str, name: &str, members: &mut dyn Iterator<Item = &str>| {
        let members: String = members.map(|member| format!("\n  | {}", quoted(member))).collect();
        types += &format!("\n/** {about} */\nexport type {name} ={members};\n");
    };
    say("What was decided, or `PENDING` where something must be fetched first.", "Code", &mut codes());
    say(
        "How stale an answer may be. `snapshot` decides from what was loaded, without any request.",
        "Freshness",
        &mut Freshness::ALL.iter().map(|freshness| freshness.as_str()),
    );
    say(
        "Why there was nothing to verify: what a request presents is no one token.",
        "CredentialCode",
        &mut refused::CREDENTIAL.iter().map(|refused| refused.code.as_str()),
    );
    // The package itself encodes requirements, so they are never illegible.
    let faults = DemandFault::ALL.iter().filter(|fault| **fault != DemandFault::Illegible);
    say("Why the module refuses a demand.", "DemandFault", &mut faults.map(|fault| fault.as_str()));
    let faults = SnapshotFault::ALL.iter();
    say("Why the module does not take a snapshot.", "SnapshotFault", &mut faults.map(|fault| fault.as_str()));
    types
}

fn codes() -> impl Iterator<Item = &'static str> {
    [PENDING].into_iter().chain(Code::ALL.map(Code::as_str))
}

fn refusals() -> impl Iterator<Item = Refused> {
    refused::CREDENTIAL.into_iter().chain(Code::ALL.into_iter().filter_map(refused::of))
}

fn list(items: impl IntoIterator<Item = impl Display>) -> String {
    let items: String = items.into_iter().map(|item| format!("  {},\n", quoted(item))).collect();
    format!("[\n{items}]")
}

fn object(members: impl IntoIterator<Item = (&'static str, impl Display)>) -> String {
    let members: String = members.into_iter().map(|(name, value)| format!("  {name}: {value},\n")).collect();
    format!("{{\n{members}}}")
}

/// A JSON string is a valid JavaScript string.
fn quoted(text: impl Display) -> String {
    serde_json::Value::from(text.to_string()).to_string()
}
