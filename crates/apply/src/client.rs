//! A cluster behind its API: asked for objects, and told of them, each with a deadline. It is reached by one kubeconfig
//! that is named, never by whichever the user works with.

use crate::MANAGER;
use crate::kinds::{Kind, Kinds};
use crate::refusal::{Refusal, refusal};
use cluster::{Key, Object};
use kube::Client;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, Preconditions};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::{Request, Status};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long one answer may take; a webhook has 30 s at most.
const ANSWER: Duration = Duration::from_mins(1);

/// A cluster that can be asked.
pub struct Cluster {
    client: Client,
    kinds: Kinds,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cluster")
    }
}

/// Why a cluster cannot be asked at all.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The file is none, or says something that cannot be.
    #[error("{}: {source}", path.display())]
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// Why.
        source: kube::config::KubeconfigError,
    },
    /// No client can be made of it.
    #[error("{}: {source}", path.display())]
    Client {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<kube::Error>,
    },
}

/// Why there is no answer, or another than was hoped for.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The server says no.
    #[error("{}", status.message)]
    Answered {
        /// What it says.
        status: Box<Status>,
    },
    /// It does not answer, or nothing that makes sense.
    #[error("the API server gives no answer: {}", chain(source))]
    Silent {
        /// Why.
        source: Box<kube::Error>,
    },
    /// It takes too long.
    #[error("the API server gave no answer within {} s", ANSWER.as_secs())]
    Late,
    /// It does not know a kind that it was asked for.
    #[error("the API server does not know the kind {kind} of {api_version}")]
    Unknown {
        /// The kind.
        kind: String,
        /// Of which group and version.
        api_version: String,
    },
}

impl AskError {
    /// What the server refused, if it was the server.
    pub fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Answered { status } => Some(refusal(status)),
            Self::Unknown { .. } => Some(Refusal::Missing(self.to_string())),
            Self::Silent { .. } | Self::Late => None,
        }
    }

    /// May it pass? The server does not answer, or says that it cannot now, as one that starts again does.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Silent { .. } | Self::Late => true,
            // 409: it is another object by now, or was changed just now; asking the same again does not help.
            Self::Answered { status } => status.code != 409 && matches!(refusal(status), Refusal::NotNow(_)),
            Self::Unknown { .. } => false,
        }
    }

    /// Is it nothing but that the thing is not there?
    pub fn is_missing(&self) -> bool {
        matches!(self.refusal(), Some(Refusal::Missing(_)))
    }
}

/// An error with what is behind it: the outermost says `ServiceError` alone.
fn chain(error: &kube::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        source = inner.source();
    }
    text
}

/// Waits for an answer, no longer than may be.
pub(crate) async fn ask<T>(answer: impl Future<Output = Result<T, kube::Error>>) -> Result<T, AskError> {
    match tokio::time::timeout(ANSWER, answer).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(kube::Error::Api(status))) => Err(AskError::Answered { status }),
        Ok(Err(source)) => Err(AskError::Silent { source: Box::new(source) }),
        Err(_) => Err(AskError::Late),
    }
}

impl Cluster {
    /// The cluster of this kubeconfig, by its current context. Nothing is asked yet.
    ///
    /// # Errors
    /// The file is none.
    pub async fn connect(kubeconfig: &Path) -> Result<Self, ConnectError> {
        let wrong = |source| ConnectError::Kubeconfig { path: kubeconfig.to_owned(), source };
        let read = Kubeconfig::read_from(kubeconfig).map_err(wrong)?;
        let options = KubeConfigOptions::default();
        let config = kube::Config::from_custom_kubeconfig(read, &options).await.map_err(wrong)?;
        let failed = |source| ConnectError::Client { path: kubeconfig.to_owned(), source: Box::new(source) };
        Ok(Self { client: Client::try_from(config).map_err(failed)?, kinds: Kinds::default() })
    }

    /// The version of the API server: `v1.36.1+k3s1`.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn version(&self) -> Result<String, AskError> {
        Ok(ask(self.client.apiserver_version()).await?.git_version)
    }

    /// Does the server know the kind of this object?
    pub(crate) async fn kind(&self, key: &Key) -> Result<Option<Kind>, AskError> {
        self.kinds.find(&self.client, &key.api_version, &key.kind).await
    }

    async fn known(&self, api_version: &str, kind: &str) -> Result<Kind, AskError> {
        let unknown = || AskError::Unknown { kind: kind.to_owned(), api_version: api_version.to_owned() };
        self.kinds.find(&self.client, api_version, kind).await?.ok_or_else(unknown)
    }

    /// Where the object is, without its name.
    async fn place(&self, key: &Key) -> Result<Request, AskError> {
        let kind = self.known(&key.api_version, &key.kind).await?;
        Ok(Request::new(kind.path(Some(key.namespace.as_deref().unwrap_or("default")))))
    }

    async fn send<T: serde::de::DeserializeOwned>(
        &self,
        request: Result<http::Request<Vec<u8>>, kube::core::request::Error>,
    ) -> Result<T, AskError> {
        let build = |source| AskError::Silent { source: Box::new(kube::Error::BuildRequest(source)) };
        ask(self.client.request(request.map_err(build)?)).await
    }

    /// The object as it is; none if it is not there, or its kind is not.
    ///
    /// # Errors
    /// The server does not answer, or does not let us see it.
    pub async fn get(&self, key: &Key) -> Result<Option<Value>, AskError> {
        let asked = match self.place(key).await {
            Ok(place) => self.send(place.get(&key.name, &kube::api::GetParams::default())).await,
            Err(error) => Err(error),
        };
        match asked {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All objects of a kind, in a namespace or in all, whose labels fit `selector` (all if it is empty); none if the
    /// kind is not there.
    ///
    /// # Errors
    /// The server does not answer, or does not let us see them.
    pub async fn list(
        &self,
        api_version: &str,
        kind: &str,
        namespace: Option<&str>,
        selector: &str,
    ) -> Result<Vec<Value>, AskError> {
        let Some(kind) = self.kinds.find(&self.client, api_version, kind).await? else { return Ok(Vec::new()) };
        let params = ListParams::default().labels(selector);
        let list: Value = self.send(Request::new(kind.path(namespace)).list(&params)).await?;
        Ok(list.get("items").and_then(Value::as_array).cloned().unwrap_or_default())
    }

    /// Applies the object by server-side apply, or asks what would come of it; the object that results.
    ///
    /// # Errors
    /// The server refuses it, or does not answer.
    pub async fn apply(&self, object: &Object, how: How) -> Result<Value, AskError> {
        let key = object.key();
        let mut params = PatchParams::apply(MANAGER).validation_strict();
        params.dry_run = how.dry;
        params.force = how.force;
        self.send(self.place(&key).await?.patch(&key.name, &params, &Patch::Apply(object.value()))).await
    }

    /// Deletes the object that has this identity, and what belongs to it; it may take its time to go.
    ///
    /// # Errors
    /// It is another one by now, or the server does not answer.
    pub async fn delete(&self, key: &Key, uid: &str) -> Result<(), AskError> {
        let only = Preconditions { uid: Some(uid.to_owned()), resource_version: None };
        let params = DeleteParams::background().preconditions(only);
        let _: Value = self.send(self.place(key).await?.delete(&key.name, &params)).await?;
        Ok(())
    }

    /// Merges `change` into the object (RFC 7396).
    ///
    /// # Errors
    /// The server refuses it, or does not answer.
    pub async fn merge(&self, key: &Key, change: &Value) -> Result<Value, AskError> {
        let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        self.send(self.place(key).await?.patch(&key.name, &params, &Patch::Merge(change))).await
    }
}

/// How an object is applied.
#[derive(Clone, Copy, Debug, Default)]
pub struct How {
    /// Only asked: nothing changes.
    pub dry: bool,
    /// Fields that others have set are taken from them.
    pub force: bool,
}
