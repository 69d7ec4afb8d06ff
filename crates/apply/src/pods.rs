//! Why pods do not come up, in their own words. Pure.

use serde_json::Value;

/// The first reason that one of these pods gives: an image that cannot be fetched, a container that keeps ending, no node
/// that fits.
pub fn reason(pods: &[Value]) -> Option<String> {
    pods.iter().find_map(of)
}

fn of(pod: &Value) -> Option<String> {
    let name = pod["metadata"]["name"].as_str()?;
    let all = |field: &str| pod["status"][field].as_array().cloned().unwrap_or_default();
    let containers = [all("initContainerStatuses"), all("containerStatuses")].concat();
    let text = |value: &Value| {
        let word = |field: &str| value[field].as_str().map(str::trim).filter(|text| !text.is_empty());
        [word("reason"), word("message")].into_iter().flatten().collect::<Vec<_>>().join(": ")
    };
    // A pod that is only being made says nothing yet.
    let usual = ["ContainerCreating", "PodInitializing"];
    for container in &containers {
        let waiting = &container["state"]["waiting"];
        let ended = [&container["state"]["terminated"], &container["lastState"]["terminated"]];
        let why = ended.into_iter().find(|it| it.is_object() && it["exitCode"] != 0).map(&text);
        let stuck = waiting["reason"].as_str().filter(|reason| !usual.contains(reason)).map(|_| text(waiting));
        if stuck.is_none() && why.is_none() {
            continue;
        }
        let parts: Vec<String> = [stuck, why].into_iter().flatten().collect();
        return Some(format!("pod {name}, container {}: {}", container["name"].as_str()?, parts.join("; before: ")));
    }
    let scheduled = pod["status"]["conditions"].as_array()?.iter().find(|it| it["type"] == "PodScheduled")?;
    (scheduled["status"] == "False").then(|| format!("pod {name}: {}", text(scheduled)))
}

#[cfg(test)]
mod tests {
    use super::reason;
    use serde_json::json;

    #[test]
    fn pods_say_why() {
        let pod = |status| json!({ "metadata": { "name": "x-1" }, "status": status });
        for (status, expected) in [
            (json!({ "containerStatuses": [{ "name": "c", "state": { "running": {} } }] }), None),
            (
                json!({ "containerStatuses": [{ "name": "c", "state": { "waiting": { "reason": "ContainerCreating" } } }] }),
                None,
            ),
            (
                json!({ "containerStatuses": [{ "name": "c", "state": { "waiting": { "reason": "ImagePullBackOff", "message": "no such tag" } } }] }),
                Some("pod x-1, container c: ImagePullBackOff: no such tag"),
            ),
            (
                json!({ "containerStatuses": [{ "name": "c", "state": { "waiting": { "reason": "CrashLoopBackOff" } },
                    "lastState": { "terminated": { "exitCode": 1, "reason": "Error", "message": "no such file\n" } } }] }),
                Some("pod x-1, container c: CrashLoopBackOff; before: Error: no such file"),
            ),
            (
                json!({ "conditions": [{ "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes are available" }] }),
                Some("pod x-1: Unschedulable: 0/1 nodes are available"),
            ),
        ] {
            assert_eq!(reason(&[pod(status)]).as_deref(), expected);
        }
    }
}
