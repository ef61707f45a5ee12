//! Reports uses of tokens to the ledgers.
//!
//! A use is a check that finds a token valid, or a request to the API whose own token is admitted. Nothing is written
//! while a caller waits for a response: the isolate [counts](crate::cache::uses) in memory and reports sums to the
//! ledgers in the background, after responses. Under load it reports once a minute; an isolate that becomes idle reports
//! after 25 seconds; otherwise within a minute. So a token's last use is known within a minute plus the time that the
//! report takes.
//!
//! Counts may be lost but never doubled. Lost are uses that an isolate has not reported when it ends (crash, deployment,
//! eviction: about a minute of its uses at most); the contents of a report whose outcome is unknown, since it is not
//! repeated; and uses of further tokens while 10,000 wait to be reported. All but the first are logged, as a number.

use std::{future::poll_fn, task::Poll};

use counterfoil_protocol::command::{ReportUses, Uses};
use counterfoil_token::WorkspaceKey;
use futures_util::future::BoxFuture;

use crate::{
    cache::uses::{Batch, Timer},
    http::{Problem, problem::Fault},
    ledger_client::LedgerClient,
    ports::{LogEvent, LostUses, Ports},
    state::App,
    trace::Trace,
};

/// Work to finish after the response, stored in the response's extensions. The caller of the router takes it out and runs
/// it in the background of that request, for up to 30 seconds. If it is not run, uses are reported later and leases are
/// renewed by the requests that need them.
#[derive(Clone)]
pub struct BackgroundWork<P> {
    app: App<P>,
    timer: Option<Timer>,
    /// The workspaces whose leases must be renewed.
    renewals: Vec<WorkspaceKey>,
}

impl<P: Ports> BackgroundWork<P> {
    /// The work that is due now, if any, including the renewal of these workspaces' leases.
    pub(crate) fn of(app: &App<P>, renewals: Vec<WorkspaceKey>) -> Option<Self> {
        let timer = app.counter().timer(app.ports.now());
        (timer.is_some() || !renewals.is_empty()).then(|| Self { app: app.clone(), timer, renewals })
    }

    /// Runs it.
    pub fn run(self) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let Self { app, timer, renewals } = self;
            // A renewal takes milliseconds, and the timer has some seconds to spare.
            for workspace in renewals {
                let ledger = LedgerClient { trace: Trace::new(&app.ports, None), app: app.clone() };
                ledger.renew(workspace).await;
            }
            let Some(timer) = timer else { return };
            if timer.delay() > 0 {
                app.ports.sleep(timer.delay()).await;
            }
            let batch = app.counter().take(timer, app.ports.now());
            if let Some(batch) = batch {
                report(app, batch).await;
            }
        })
    }
}

/// Reports to all ledgers concurrently, so that one that does not respond delays no other.
async fn report<P: Ports>(app: App<P>, Batch { reports, dropped }: Batch) {
    let ledger = &LedgerClient { trace: Trace::new(&app.ports, None), app };
    let mut under_way: Vec<_> =
        reports.into_iter().map(|(workspace, uses)| report_to(ledger, workspace, uses)).collect();
    let (mut uses, mut detail) = (dropped, None);
    // Like `join_all`, in a fraction of the code size.
    poll_fn(|context| {
        under_way.retain_mut(|report| match report.as_mut().poll(context) {
            Poll::Pending => true,
            Poll::Ready(Ok(())) => false,
            Poll::Ready(Err((lost, why))) => {
                uses = uses.saturating_add(lost);
                let Fault { internal, detail: told, .. } = why.into();
                detail.get_or_insert(internal.unwrap_or(told));
                false
            }
        });
        if under_way.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    if uses > 0 {
        let detail = detail.unwrap_or_else(|| "the count of unreported uses is at its limit".to_owned());
        let request_id = ledger.trace.request_id.to_string();
        ledger.app.ports.log(&LogEvent::UsesLost(LostUses {
            level: "error",
            code: "USES_LOST",
            request_id,
            uses,
            detail,
        }));
    }
}

/// Reports to one ledger, once. On failure: how many uses were lost, and why.
fn report_to<P: Ports>(
    ledger: &LedgerClient<P>,
    workspace: WorkspaceKey,
    uses: Vec<Uses>,
) -> BoxFuture<'_, Result<(), (u64, Problem)>> {
    Box::pin(async move {
        let count = uses.iter().map(|uses| u64::from(uses.count)).sum();
        let reported = ledger.ask_as_verifier(workspace, ReportUses { uses }).await;
        reported.map(drop).map_err(|problem| (count, problem))
    })
}
