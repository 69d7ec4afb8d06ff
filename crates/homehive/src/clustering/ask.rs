//! Asking a person before something is changed.

use crate::failure::Failure;
use crate::verbs::Context;
use std::io::IsTerminal as _;

/// Goes on if the person at the terminal says yes, or has said so beforehand. `what` is asked, `again` is what to type
/// where nobody can be asked.
pub async fn confirmed(context: &Context, yes: bool, what: &str, again: &str) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    let global = &context.global;
    if global.json || global.plain || !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        let text = format!(
            "{what}, and there is no terminal to ask at; nothing was done\n  say it beforehand: {again} --yes (or look first: {again} --dry-run)"
        );
        return Err(Failure::Refused(text));
    }
    context.story.question(format!("{what}: go on? [y/N] "));
    // A thread of its own, for a read from a terminal cannot be given up.
    let (tell, hear) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let _ = std::io::stdin().read_line(&mut line);
        let _ = tell.send(matches!(line.trim(), "y" | "Y" | "yes"));
    });
    if hear.await.unwrap_or(false) {
        return Ok(());
    }
    Err(Failure::Refused("you did not say yes; nothing was done".to_owned()))
}
