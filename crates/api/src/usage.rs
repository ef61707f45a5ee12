//! Uses of tokens, on their way to the ledgers.
//!
//! A use is a check that finds a token valid, and a request to the API whose own token is let in. Nothing is written
//! while anybody waits for an answer: the isolate [counts](crate::memory::uses) in memory, and what it has counted goes to the
//! ledgers as sums, in the background of requests that were answered. Under load that is once a minute; an isolate that
//! falls idle reports after 25 seconds, and one in between as late as a minute allows. So a token's last use is known
//! within a minute, and the moment that the report takes.
//!
//! Counts may be lost, never doubled. Lost is what an isolate has not reported when it ends (a crash, a deployment, an
//! eviction: about a minute of its uses at most); what a report said whose outcome is not known, since it is not sent
//! again; and uses of further tokens once 10,000 wait to be reported. All but the first is logged, as a number.

use std::{future::poll_fn, task::Poll};

use counterfoil_protocol::command::{ReportUses, Uses};
use counterfoil_token::WorkspaceKey;
use futures_util::future::BoxFuture;

use crate::{
    http::Problem,
    ledger_client::LedgerClient,
    memory::uses::{Batch, Timer},
    ports::{LogEvent, LostUses, Ports},
    state::App,
    trace::Trace,
};

/// Work that an answer leaves behind, in its extensions. Whoever runs the router takes it out and lets it go on in the
/// background of that very request, for up to 30 seconds. Where it is not run, uses of tokens are reported later, and
/// leases renewed by those who need them.
#[derive(Clone)]
pub struct BackgroundWork<P> {
    app: App<P>,
    timer: Option<Timer>,
    /// Whose leases are to be renewed.
    renewals: Vec<WorkspaceKey>,
}

impl<P: Ports> BackgroundWork<P> {
    /// What is left to do now, if anything is: also to have the leases of these workspaces renewed.
    pub(crate) fn of(app: &App<P>, renewals: Vec<WorkspaceKey>) -> Option<Self> {
        let timer = app.counter().timer(app.ports.now());
        (timer.is_some() || !renewals.is_empty()).then(|| Self { app: app.clone(), timer, renewals })
    }

    /// Does it.
    pub fn run(self) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let Self { app, timer, renewals } = self;
            // A renewal is a question of milliseconds, and the timer has some seconds to spare.
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

/// Reports to all ledgers at the same time: one that does not answer takes no other's time.
async fn report<P: Ports>(app: App<P>, Batch { reports, dropped }: Batch) {
    let ledger = &LedgerClient { trace: Trace::new(&app.ports, None), app };
    let mut under_way: Vec<_> =
        reports.into_iter().map(|(workspace, uses)| report_to(ledger, workspace, uses)).collect();
    let (mut uses, mut detail) = (dropped, None);
    // What `join_all` does, in a fraction of its code.
    poll_fn(|context| {
        under_way.retain_mut(|report| match report.as_mut().poll(context) {
            Poll::Pending => true,
            Poll::Ready(Ok(())) => false,
            Poll::Ready(Err((lost, why))) => {
                uses = uses.saturating_add(lost);
                detail.get_or_insert(why.internal.unwrap_or(why.detail));
                false
            }
        });
        if under_way.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    if uses > 0 {
        let detail = detail.unwrap_or_else(|| "there was no room for them".to_owned());
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

/// Reports to one ledger, once. On failure: how many uses that were, and why.
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
