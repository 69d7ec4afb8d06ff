//! The objects of the tests: shares and Services as the operator makes them, with addresses as the balancer sets them.

use super::ApiServer;
use k8s_openapi::api::core::v1::{Namespace, Service, ServiceAccount};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::{ApiResource, GroupVersionKind};
use publisher::SmbShare;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::path::PathBuf;
use tokio::runtime::Runtime;

const NAMESPACE: &str = "samba";

/// A way to the API server, and what the tests keep there.
pub struct Objects {
    runtime: Runtime,
    client: kube::Client,
    /// For the publisher, as its own account.
    pub kubeconfig: PathBuf,
    _dir: tempfile::TempDir,
}

fn typed<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

impl Objects {
    /// Makes the kind, the namespace, and the publisher's account with the rights that homehive gives it.
    pub fn open(api: &ApiServer) -> Self {
        let runtime = Runtime::new().unwrap();
        let client = runtime.block_on(async {
            let file = Kubeconfig::read_from(api.kubeconfig()).unwrap();
            let config = kube::Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.unwrap();
            kube::Client::try_from(config).unwrap()
        });
        let dir = tempfile::tempdir().unwrap();
        let objects = Self { runtime, client, kubeconfig: dir.path().join("kubeconfig"), _dir: dir };
        objects.define();
        objects.rights();
        let token = objects.token();
        let token_file = objects.kubeconfig.with_file_name("token");
        std::fs::write(&token_file, token).unwrap();
        let text =
            cluster::publisher::kubeconfig(&api.url(), api.authority().to_str().unwrap(), token_file.to_str().unwrap());
        std::fs::write(&objects.kubeconfig, text).unwrap();
        objects
    }

    fn define(&self) {
        let anything = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
        let definition = json!({
            "metadata": { "name": "smbshares.samba-operator.samba.org" },
            "spec": {
                "group": "samba-operator.samba.org", "scope": "Namespaced",
                "names": { "kind": "SmbShare", "plural": "smbshares", "singular": "smbshare", "listKind": "SmbShareList" },
                "versions": [{ "name": "v1alpha1", "served": true, "storage": true, "subresources": { "status": {} },
                    "schema": { "openAPIV3Schema": { "type": "object", "properties": { "spec": anything, "status": anything } } } }],
            },
        });
        self.runtime.block_on(async {
            let kinds: Api<CustomResourceDefinition> = Api::all(self.client.clone());
            kinds.create(&PostParams::default(), &typed(definition)).await.unwrap();
            let established = kube::runtime::conditions::is_crd_established();
            let wait = kube::runtime::wait::await_condition(kinds, "smbshares.samba-operator.samba.org", established);
            tokio::time::timeout(std::time::Duration::from_mins(1), wait).await.unwrap().unwrap();
            let namespaces: Api<Namespace> = Api::all(self.client.clone());
            let namespace = typed(json!({ "metadata": { "name": NAMESPACE } }));
            namespaces.create(&PostParams::default(), &namespace).await.unwrap();
        });
    }

    /// Applies what homehive renders for the publisher.
    fn rights(&self) {
        let manifest = cluster::publisher::manifest().unwrap();
        self.runtime.block_on(async {
            for object in &manifest.objects {
                let key = object.key();
                let (group, version) = key.api_version.split_once('/').unwrap_or(("", &key.api_version));
                let kind = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, &key.kind));
                let api: Api<DynamicObject> =
                    Api::namespaced_with(self.client.clone(), key.namespace.as_deref().unwrap(), &kind);
                let params = PatchParams::apply("test");
                api.patch(&key.name, &params, &Patch::Apply(object.value())).await.unwrap();
            }
        });
    }

    fn token(&self) -> String {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client.clone(), NAMESPACE);
        let request = typed(json!({ "metadata": {}, "spec": { "audiences": [], "expirationSeconds": 3600 } }));
        let params = PostParams::default();
        let made = accounts.create_token_request(cluster::publisher::ACCOUNT, &params, &request);
        self.runtime.block_on(made).unwrap().status.unwrap().token
    }

    fn services(&self) -> Api<Service> {
        Api::namespaced(self.client.clone(), NAMESPACE)
    }

    fn shares(&self) -> Api<SmbShare> {
        Api::namespaced(self.client.clone(), NAMESPACE)
    }

    /// A share of a kind, and the Service that the operator makes for it; no address yet.
    pub fn share(&self, name: &str, kind: &str) {
        let labels = json!({ "homehive/kind": kind });
        let share = json!({ "apiVersion": "samba-operator.samba.org/v1alpha1", "kind": "SmbShare",
            "metadata": { "name": name, "labels": labels }, "spec": { "shareName": name } });
        let service = json!({
            "metadata": { "name": name, "labels": { "app.kubernetes.io/name": "samba" } },
            "spec": { "type": "LoadBalancer", "ports": [{ "port": 445, "protocol": "TCP", "name": "smb" }] },
        });
        self.runtime.block_on(async {
            let kind = ApiResource::erase::<SmbShare>(&());
            let shares: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), NAMESPACE, &kind);
            shares.create(&PostParams::default(), &typed(share)).await.unwrap();
            self.services().create(&PostParams::default(), &typed(service)).await.unwrap();
        });
    }

    /// What the balancer does.
    pub fn address(&self, name: &str, address: &str) {
        let status = json!({ "status": { "loadBalancer": { "ingress": [{ "ip": address }] } } });
        let (services, params) = (self.services(), PatchParams::default());
        let patch = Patch::Merge(&status);
        self.runtime.block_on(services.patch_status(name, &params, &patch)).unwrap();
    }

    /// The Service goes.
    pub fn delete_service(&self, name: &str) {
        self.runtime.block_on(self.services().delete(name, &DeleteParams::default())).unwrap();
    }

    /// The share goes; its Service stays for now.
    pub fn delete_share(&self, name: &str) {
        self.runtime.block_on(self.shares().delete(name, &DeleteParams::default())).unwrap();
    }

    /// May the publisher's account do this? What the API server answers to a list of it.
    pub fn publisher_lists<K>(&self) -> Result<usize, u16>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
            + Clone
            + DeserializeOwned
            + std::fmt::Debug,
    {
        self.runtime.block_on(async {
            let file = Kubeconfig::read_from(&self.kubeconfig).unwrap();
            let config = kube::Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.unwrap();
            let api: Api<K> = Api::namespaced(kube::Client::try_from(config).unwrap(), NAMESPACE);
            match api.list(&kube::api::ListParams::default()).await {
                Ok(list) => Ok(list.items.len()),
                Err(kube::Error::Api(status)) => Err(status.code),
                Err(error) => panic!("{error}"),
            }
        })
    }
}
