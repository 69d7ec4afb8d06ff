//! Which kinds a server knows, and where their objects are found; asked once for each group, and again while a kind is
//! not there yet.

use crate::client::{AskError, ask};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::APIResourceList;
use kube::Client;
use std::collections::HashMap;
use tokio::sync::Mutex;

/// Where objects of a kind are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kind {
    /// `/apis/apps/v1` or `/api/v1`
    root: String,
    /// `deployments`
    pub plural: String,
    /// Do its objects lie in namespaces?
    pub namespaced: bool,
}

impl Kind {
    /// The path of the kind's objects, in a namespace or in all.
    pub fn path(&self, namespace: Option<&str>) -> String {
        match namespace.filter(|_| self.namespaced) {
            Some(namespace) => format!("{}/namespaces/{namespace}/{}", self.root, self.plural),
            None => format!("{}/{}", self.root, self.plural),
        }
    }
}

/// The kinds that were asked for.
#[derive(Debug, Default)]
pub struct Kinds(Mutex<HashMap<String, HashMap<String, Kind>>>);

impl Kinds {
    /// Where objects of this kind are found; none if the server does not know it.
    pub async fn find(&self, client: &Client, api_version: &str, kind: &str) -> Result<Option<Kind>, AskError> {
        let mut known = self.0.lock().await;
        if let Some(kind) = known.get(api_version).and_then(|kinds| kinds.get(kind)) {
            return Ok(Some(kind.clone()));
        }
        let asked = if api_version.contains('/') {
            ask(client.list_api_group_resources(api_version)).await
        } else {
            ask(client.list_core_api_resources(api_version)).await
        };
        let list = match asked {
            Ok(list) => list,
            Err(AskError::Answered { status, .. }) if status.code == 404 => return Ok(None),
            Err(error) => return Err(error),
        };
        let kinds = read(api_version, &list);
        let found = kinds.get(kind).cloned();
        known.insert(api_version.to_owned(), kinds);
        Ok(found)
    }
}

fn read(api_version: &str, list: &APIResourceList) -> HashMap<String, Kind> {
    let root = if api_version.contains('/') { format!("/apis/{api_version}") } else { format!("/api/{api_version}") };
    // What has a slash is a part of another: `deployments/scale`.
    let whole = list.resources.iter().filter(|resource| !resource.name.contains('/'));
    let kind = |name: &str, namespaced| Kind { root: root.clone(), plural: name.to_owned(), namespaced };
    whole.map(|resource| (resource.kind.clone(), kind(&resource.name, resource.namespaced))).collect()
}

#[cfg(test)]
mod tests {
    use super::read;
    use serde_json::json;

    #[test]
    fn paths() {
        let list = json!({ "groupVersion": "apps/v1", "resources": [
            { "name": "deployments", "kind": "Deployment", "namespaced": true, "singularName": "", "verbs": [] },
            { "name": "deployments/scale", "kind": "Scale", "namespaced": true, "singularName": "", "verbs": [] } ] });
        let kinds = read("apps/v1", &serde_json::from_value(list).unwrap());
        assert_eq!(kinds.len(), 1);
        assert_eq!(kinds["Deployment"].path(Some("x")), "/apis/apps/v1/namespaces/x/deployments");
        assert_eq!(kinds["Deployment"].path(None), "/apis/apps/v1/deployments");
    }
}
