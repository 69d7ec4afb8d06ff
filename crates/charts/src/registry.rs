//! The tags of an image, from its registry (OCI distribution specification, `tags/list`), as anybody may ask for them.

use crate::fetch::{Fetch, FetchError, Head};
use serde::Deserialize;

/// Pages that are read at most: a registry that has more is not asked for all.
const PAGES: usize = 100;

#[derive(Deserialize)]
struct Tags {
    #[serde(default)]
    tags: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    access_token: Option<String>,
}

/// All tags of an image, which is called as containers call it: `quay.io/thanos/thanos`. A registry on `localhost` or
/// `127.0.0.1` is asked by plain HTTP, as container tools do.
///
/// # Errors
/// The registry is not reached, or does not tell.
pub fn tags(fetch: Fetch, image: &str) -> Result<Vec<String>, FetchError> {
    let (host, repository) = place(image);
    let scheme = if local(&host) { "http" } else { "https" };
    let base = format!("{scheme}://{host}");
    let mut url = format!("{base}/v2/{repository}/tags/list");
    let mut token: Option<String> = None;
    let mut all = Vec::new();
    for _ in 0..PAGES {
        let (mut head, mut body) = fetch.ask(&url, token.as_deref())?;
        if head.status == 401 && token.is_none() {
            token = Some(anonymous(fetch, &url, &head)?);
            (head, body) = fetch.ask(&url, token.as_deref())?;
        }
        if head.status != 200 {
            return Err(FetchError::Status { url, status: head.status });
        }
        let failed = |error: serde_json::Error| FetchError::Answer { url: url.clone(), reason: error.to_string() };
        let page: Tags = serde_json::from_slice(&body).map_err(failed)?;
        all.extend(page.tags.unwrap_or_default());
        match next(&head, &base) {
            Some(next) => url = next,
            None => return Ok(all),
        }
    }
    Err(FetchError::Answer { url, reason: format!("more than {PAGES} pages of tags") })
}

/// Registry and repository; without a registry it is Docker's.
fn place(image: &str) -> (String, String) {
    match image.split_once('/') {
        Some((host, repository)) if host.contains(['.', ':']) || host == "localhost" => match host {
            "docker.io" => ("registry-1.docker.io".to_owned(), repository.to_owned()),
            host => (host.to_owned(), repository.to_owned()),
        },
        Some(_) => ("registry-1.docker.io".to_owned(), image.to_owned()),
        None => ("registry-1.docker.io".to_owned(), format!("library/{image}")),
    }
}

fn local(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    name == "localhost" || name == "127.0.0.1"
}

/// The token that everybody gets: `Bearer realm="…",service="…",scope="…"` says where.
fn anonymous(fetch: Fetch, url: &str, head: &Head) -> Result<String, FetchError> {
    let wrong = |reason: &str| FetchError::Answer { url: url.to_owned(), reason: reason.to_owned() };
    let challenge = head.line("www-authenticate").and_then(|line| line.strip_prefix("Bearer "));
    let challenge = challenge.ok_or_else(|| wrong("wants a login, and does not say how"))?;
    let word = |name: &str| {
        let (_, rest) = challenge.split_once(&format!("{name}=\""))?;
        rest.split_once('"').map(|(value, _)| value)
    };
    let realm = word("realm").filter(|realm| realm.starts_with("https://") || realm.starts_with("http://"));
    let realm = realm.ok_or_else(|| wrong("wants a token, and does not say from where"))?;
    let escape = |text: &str| text.replace('%', "%25").replace(' ', "%20").replace('&', "%26");
    let mut query: Vec<String> = Vec::new();
    for name in ["service", "scope"] {
        query.extend(word(name).map(|value| format!("{name}={}", escape(value))));
    }
    let body = fetch.get(&format!("{realm}?{}", query.join("&")))?;
    let token: Option<Token> = serde_json::from_slice(&body).ok();
    let token = token.and_then(|token| token.token.or(token.access_token));
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~+/=".contains(c);
    token.filter(|token| token.chars().all(plain)).ok_or_else(|| wrong("gives no token"))
}

/// The next page: `</v2/…?last=…>; rel="next"`.
fn next(head: &Head, base: &str) -> Option<String> {
    let (target, relation) = head.line("link")?.split_once('>')?;
    let target = target.strip_prefix('<')?;
    let absolute = || if target.starts_with('/') { format!("{base}{target}") } else { target.to_owned() };
    relation.contains("rel=\"next\"").then(absolute)
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn an_image_has_a_registry() {
        for (image, host, repository) in [
            ("quay.io/thanos/thanos", "quay.io", "thanos/thanos"),
            ("127.0.0.1:5000/a/b", "127.0.0.1:5000", "a/b"),
            ("docker.io/library/redis", "registry-1.docker.io", "library/redis"),
            ("grafana/grafana", "registry-1.docker.io", "grafana/grafana"),
            ("redis", "registry-1.docker.io", "library/redis"),
        ] {
            assert_eq!(place(image), (host.to_owned(), repository.to_owned()), "{image}");
        }
    }
}
