//! The seven methods.

use counterfoil_protocol::command::{RevokeToken, ScopeChange, TokenFilter, UpdateToken};
use serde_json::Value;

use super::{
    permissions,
    rpc::{Data, Message, MethodResult, RpcReply},
    select::Options,
    tokens::{IssuedToken, Row},
};
use crate::{
    auth::Caller,
    dialects::{
        fields::{Fields, wrong},
        tokens::{self, Token},
    },
    http::{Problem, ProblemCode},
    ports::Ports,
};

/// The path of the methods: each is below it, by its name.
pub(super) const PATH: &str = "/v1/api-tokens/";

/// Executes a message in the name of its sender.
pub(super) async fn execute<P: Ports>(caller: &Result<Caller<P>, Problem>, message: Message) -> RpcReply {
    let Message { method, params, expects } = message;
    RpcReply { expects, outcome: call(caller, &method, Arguments(params.into_iter())).await }
}

async fn call<P: Ports>(
    caller: &Result<Caller<P>, Problem>,
    method: &str,
    arguments: Arguments,
) -> Result<MethodResult, Problem> {
    let method = match method {
        // Clients that keep a connection check now and then whether it is alive.
        "/ping" | "/pong" | "/healthcheck" => return Ok(MethodResult::default()),
        path => Method::named(path).ok_or_else(no_such_method)?,
    };
    let caller = caller.as_ref().map_err(Problem::clone)?;
    match method {
        Method::Create => create(caller, arguments).await,
        Method::Read => read(caller, arguments).await,
        Method::GetPermissions => get_permissions(caller, arguments).await,
        Method::Delete | Method::SetEnabled | Method::SetPermissions | Method::UpdatePermissions => {
            change(caller, method, arguments).await
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Method {
    Create,
    Delete,
    GetPermissions,
    Read,
    SetEnabled,
    SetPermissions,
    UpdatePermissions,
}

impl Method {
    /// The method at this path. A client whose base path includes that of the methods names them relative to it.
    fn named(path: &str) -> Option<Self> {
        Some(match path.strip_prefix(PATH).or_else(|| path.strip_prefix('/'))? {
            "create" => Self::Create,
            "delete" => Self::Delete,
            "get-permissions" => Self::GetPermissions,
            "read" => Self::Read,
            "set-enabled" => Self::SetEnabled,
            "set-permissions" => Self::SetPermissions,
            "update-permissions" => Self::UpdatePermissions,
            _ => return None,
        })
    }
}

async fn create<P: Ports>(caller: &Caller<P>, mut arguments: Arguments) -> Result<MethodResult, Problem> {
    let name = arguments.text("name")?;
    arguments.end()?;
    let mut token: Token = caller.ask(tokens::new(name, Vec::new())).await?.read_as()?;
    let text = token.text.take().ok_or_else(|| Problem::unreadable_reply("a token without its value"))?;
    Ok(MethodResult { data: Some(Data::Issued(IssuedToken::new(text, token))), total: None })
}

async fn read<P: Ports>(caller: &Caller<P>, mut arguments: Arguments) -> Result<MethodResult, Problem> {
    let options = Options::read(arguments.fields("options")?.unwrap_or_default())?;
    arguments.end()?;
    let rows = caller.tokens(mine()).await?.into_iter().map(Row::new).collect();
    let (rows, total) = options.select(rows);
    Ok(MethodResult { data: Some(Data::Tokens(rows)), total: Some(total) })
}

async fn get_permissions<P: Ports>(caller: &Caller<P>, mut arguments: Arguments) -> Result<MethodResult, Problem> {
    let id = arguments.text("tokenId")?;
    arguments.end()?;
    let wanted = TokenFilter { id: Some(id), ..mine() };
    let token = caller.token(wanted).await?.ok_or_else(|| not_found("Not Found"))?;
    Ok(MethodResult { data: Some(Data::Permissions(permissions::of(caller, &token).await?)), total: None })
}

/// The common part of all methods that change one token: its id comes first, and only the caller's own tokens are
/// changed.
async fn change<P: Ports>(
    caller: &Caller<P>,
    method: Method,
    mut arguments: Arguments,
) -> Result<MethodResult, Problem> {
    let id = arguments.text("tokenId")?;
    let mut update = tokens::change(id.clone());
    let mut wanted = permissions::WantedPermissions::default();
    match method {
        Method::SetEnabled => update.enabled = Some(arguments.flag("enabled")?),
        Method::SetPermissions | Method::UpdatePermissions => {
            let asked = arguments.fields("permissions")?.ok_or_else(|| missing("permissions"))?;
            wanted = permissions::WantedPermissions::read(asked)?;
        }
        _ => {}
    }
    arguments.end()?;
    let absent = if matches!(method, Method::SetEnabled | Method::Delete) { "Not Found" } else { "Token not found" };
    let told = |problem| if is_absent(&problem) { not_found(absent) } else { problem };
    let own = caller.own_token().await?;
    // An empty change requires the same permission as a real one, and returns the token's owner.
    let token: Token = caller.ask(tokens::change(id.clone())).await.map_err(told)?.read_as()?;
    if token.owner != own.owner || !token.is_live(caller.ledger.app.ports.now()) {
        return Err(not_found(absent));
    }
    update.scopes = match method {
        Method::SetPermissions => Some(ScopeChange::Replace(wanted.granted())),
        Method::UpdatePermissions => Some(ScopeChange::Merge(wanted.0.clone())),
        _ => None,
    };
    wanted.check(&token, method == Method::UpdatePermissions)?;
    let changed = match method {
        Method::Delete => caller.ask(RevokeToken { id, reason: None }).await.map(drop),
        _ => caller.ask::<UpdateToken>(update).await.map(drop),
    };
    changed.map_err(|problem| wanted.name_fault(told(problem)))?;
    Ok(MethodResult::default())
}

/// The caller's own live tokens: this dialect displays no others.
fn mine() -> TokenFilter {
    TokenFilter { mine: true, live: true, ..TokenFilter::default() }
}

fn is_absent(problem: &Problem) -> bool {
    matches!(problem.code, ProblemCode::NotFound | ProblemCode::TokenRevoked)
}

fn not_found(detail: &str) -> Problem {
    Problem::new(ProblemCode::NotFound, detail)
}

fn no_such_method() -> Problem {
    Problem::not_found().saying("This method does not exist.")
}

fn missing(argument: &str) -> Problem {
    wrong(argument, format!("{argument} is missing."))
}

/// The arguments of a method, in their order.
struct Arguments(std::vec::IntoIter<Value>);

impl Arguments {
    fn text(&mut self, name: &str) -> Result<String, Problem> {
        match self.0.next() {
            Some(Value::String(text)) => Ok(text),
            None => Err(missing(name)),
            Some(_) => Err(wrong(name, format!("{name} must be a string."))),
        }
    }

    fn flag(&mut self, name: &str) -> Result<bool, Problem> {
        match self.0.next() {
            Some(Value::Bool(flag)) => Ok(flag),
            None => Err(missing(name)),
            Some(_) => Err(wrong(name, format!("{name} must be true or false."))),
        }
    }

    fn fields(&mut self, name: &str) -> Result<Option<Fields>, Problem> {
        match self.0.next() {
            None | Some(Value::Null) => Ok(None),
            Some(value @ Value::Object(_)) => Fields::of(value).map(Some),
            Some(_) => Err(wrong(name, format!("{name} must be an object."))),
        }
    }

    fn end(&mut self) -> Result<(), Problem> {
        match self.0.next() {
            None => Ok(()),
            Some(_) => Err(wrong("params", "There are more arguments than the method accepts.")),
        }
    }
}
