//! A lake that is a bucket.

use std::num::NonZeroUsize;
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{Credentials, Region};
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::DateTime as AwsDateTime;
use aws_sdk_s3::types::ChecksumMode;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::stream::{self, BoxStream, StreamExt as _};
use nba_config::ExposeSecret as _;
use nba_config::S3Settings;

use super::{LakeError, LakeObject};

/// Tries of one request, the first included.
const ATTEMPTS: u32 = 4;
/// Wait before the second try; doubled and jittered afterwards.
const FIRST_BACKOFF: Duration = Duration::from_millis(200);
/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest silence of a connection.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest try, body included: 64 MiB at 1 MB/s fit.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(90);

/// One bucket, or the part of it below a prefix.
pub(super) struct Bucket {
    client: Client,
    name: String,
    /// Put before every key; empty or ending in `/`.
    base: String,
    endpoint: Option<String>,
}

/// One page of a listing.
struct Page {
    objects: Vec<LakeObject>,
    folders: Vec<String>,
    next: Option<String>,
}

impl Bucket {
    pub(super) async fn new(settings: &S3Settings) -> Bucket {
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(settings.region.clone()))
            .retry_config(
                RetryConfig::standard()
                    .with_max_attempts(ATTEMPTS)
                    .with_initial_backoff(FIRST_BACKOFF),
            )
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(CONNECT_TIMEOUT)
                    .read_timeout(READ_TIMEOUT)
                    .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                    .build(),
            );
        if let (Some(id), Some(secret)) = (&settings.access_key_id, &settings.secret_access_key) {
            loader = loader.credentials_provider(Credentials::new(
                id.expose_secret(),
                secret.expose_secret(),
                settings
                    .session_token
                    .as_ref()
                    .map(|t| t.expose_secret().to_owned()),
                None,
                "nba-config",
            ));
        } else if let Some(profile) = &settings.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(endpoint) = &settings.endpoint {
            loader = loader.endpoint_url(endpoint);
        }
        let config = aws_sdk_s3::config::Builder::from(&loader.load().await)
            .force_path_style(settings.path_style || settings.endpoint.is_some())
            .build();
        let base = settings.prefix.trim_matches('/');
        Bucket {
            client: Client::from_conf(config),
            name: settings.bucket.clone(),
            base: if base.is_empty() {
                String::new()
            } else {
                format!("{base}/")
            },
            endpoint: settings.endpoint.clone(),
        }
    }

    pub(super) fn describe(&self) -> String {
        let at = self
            .endpoint
            .as_ref()
            .map(|e| format!(" at {e}"))
            .unwrap_or_default();
        format!("`s3://{}/{}`{at}", self.name, self.base)
    }

    /// Without prefixes, the folders at the top are listed side by side.
    pub(super) fn list(
        &self,
        prefixes: Vec<String>,
        concurrency: NonZeroUsize,
    ) -> BoxStream<'_, Result<LakeObject, LakeError>> {
        if !prefixes.is_empty() {
            return stream::iter(prefixes)
                .map(move |prefix| self.pages(prefix))
                .flatten_unordered(concurrency.get())
                .boxed();
        }
        stream::once(self.top())
            .flat_map(move |top| match top {
                Err(error) => stream::iter([Err(error)]).boxed(),
                Ok((objects, folders)) => stream::iter(objects.into_iter().map(Ok))
                    .chain(
                        stream::iter(folders)
                            .map(move |folder| self.pages(folder))
                            .flatten_unordered(concurrency.get()),
                    )
                    .boxed(),
            })
            .boxed()
    }

    /// Objects and folders at the top, from all pages.
    async fn top(&self) -> Result<(Vec<LakeObject>, Vec<String>), LakeError> {
        let (mut objects, mut folders, mut token) = (Vec::new(), Vec::new(), None);
        loop {
            let page = self.page("", Some("/"), token).await?;
            objects.extend(page.objects);
            folders.extend(page.folders);
            token = page.next;
            if token.is_none() {
                return Ok((objects, folders));
            }
        }
    }

    /// Everything below one prefix; ends after the first error.
    fn pages(&self, prefix: String) -> BoxStream<'_, Result<LakeObject, LakeError>> {
        enum Next {
            Page(Option<String>),
            End,
        }
        stream::unfold(
            (prefix, Next::Page(None)),
            move |(prefix, next)| async move {
                let Next::Page(token) = next else {
                    return None;
                };
                let (items, next): (Vec<_>, _) = match self.page(&prefix, None, token).await {
                    Ok(page) => (
                        page.objects.into_iter().map(Ok).collect(),
                        page.next.map_or(Next::End, |token| Next::Page(Some(token))),
                    ),
                    Err(error) => (vec![Err(error)], Next::End),
                };
                Some((stream::iter(items), (prefix, next)))
            },
        )
        .flatten()
        .boxed()
    }

    async fn page(
        &self,
        prefix: &str,
        delimiter: Option<&str>,
        token: Option<String>,
    ) -> Result<Page, LakeError> {
        let operation = || format!("list `{}{prefix}`", self.base);
        let output = self
            .client
            .list_objects_v2()
            .bucket(&self.name)
            .prefix(format!("{}{prefix}", self.base))
            .set_delimiter(delimiter.map(str::to_owned))
            .set_continuation_token(token.clone())
            .send()
            .await
            .map_err(|error| self.error(operation(), None, error))?;
        let contradiction = |message: &str| LakeError::Listing {
            lake: self.describe(),
            prefix: prefix.to_owned(),
            message: message.to_owned(),
        };
        let next = match (output.is_truncated(), output.next_continuation_token()) {
            (Some(true), None) => {
                return Err(contradiction("more is announced without saying where"));
            }
            (Some(true), next) if next == token.as_deref() => {
                return Err(contradiction("the same page is announced again"));
            }
            (Some(true), next) => next.map(str::to_owned),
            _ => None,
        };
        let mut objects = Vec::with_capacity(output.contents().len());
        for item in output.contents() {
            let key = item
                .key()
                .ok_or_else(|| contradiction("an object has no key"))?;
            let size = item
                .size()
                .and_then(|size| u64::try_from(size).ok())
                .ok_or_else(|| contradiction("an object has no size"))?;
            objects.push(LakeObject {
                key: key.strip_prefix(&self.base).unwrap_or(key).to_owned(),
                size,
                etag: item.e_tag().map(unquoted),
                modified: item.last_modified().and_then(moment),
            });
        }
        let folders = output
            .common_prefixes()
            .iter()
            .filter_map(|p| p.prefix())
            .map(|p| p.strip_prefix(&self.base).unwrap_or(p).to_owned())
            .collect();
        Ok(Page {
            objects,
            folders,
            next,
        })
    }

    pub(super) async fn get(
        &self,
        key: &str,
        limit: u64,
    ) -> Result<(LakeObject, Bytes), LakeError> {
        let operation = || format!("read `{}{key}`", self.base);
        let output = self
            .client
            .get_object()
            .bucket(&self.name)
            .key(format!("{}{key}", self.base))
            .checksum_mode(ChecksumMode::Enabled)
            .send()
            .await
            .map_err(|error| self.error(operation(), Some(key), error))?;
        let size = output
            .content_length()
            .and_then(|size| u64::try_from(size).ok());
        let damaged = |message: String| LakeError::Damaged {
            lake: self.describe(),
            key: key.to_owned(),
            message,
        };
        let size = size.ok_or_else(|| damaged("its length is not announced".to_owned()))?;
        if size > limit {
            return Err(LakeError::TooLarge {
                key: key.to_owned(),
                size,
                limit,
            });
        }
        let object = LakeObject {
            key: key.to_owned(),
            size,
            etag: output.e_tag().map(unquoted),
            modified: output.last_modified().and_then(moment),
        };
        // The SDK compares the checksum S3 keeps; a broken connection in the middle shows here as well.
        let body = output
            .body
            .collect()
            .await
            .map_err(|error| damaged(DisplayErrorContext(&error).to_string()))?;
        Ok((object, body.into_bytes()))
    }

    fn error<E>(&self, operation: String, key: Option<&str>, error: SdkError<E>) -> LakeError
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let lake = self.describe();
        let SdkError::ServiceError(service) = &error else {
            if let SdkError::ConstructionFailure(_) = &error {
                return LakeError::BadCredentials {
                    lake,
                    code: "none found".to_owned(),
                };
            }
            return LakeError::Unreachable {
                lake,
                operation,
                source: error.into_source().unwrap_or_else(|whole| Box::new(whole)),
            };
        };
        let status = service.raw().status().as_u16();
        let code = service.err().code().unwrap_or_default().to_owned();
        match (code.as_str(), status) {
            ("NoSuchBucket", _) => LakeError::NoSuchBucket {
                bucket: self.name.clone(),
            },
            ("NoSuchKey", _) | ("", 404) if key.is_some() => LakeError::NoSuchKey {
                lake,
                key: key.unwrap_or_default().to_owned(),
            },
            (
                "InvalidAccessKeyId"
                | "SignatureDoesNotMatch"
                | "ExpiredToken"
                | "InvalidToken"
                | "NotSignedUp"
                | "AuthorizationHeaderMalformed",
                _,
            ) => LakeError::BadCredentials { lake, code },
            ("AccessDenied" | "AllAccessDisabled", _) | (_, 401 | 403) => LakeError::AccessDenied {
                lake,
                operation,
                code,
            },
            _ => LakeError::Service {
                lake,
                operation,
                message: service
                    .err()
                    .message()
                    .map_or_else(|| format!("status {status}"), str::to_owned),
                code,
            },
        }
    }
}

fn unquoted(etag: &str) -> String {
    etag.trim_matches('"').to_owned()
}

fn moment(time: &AwsDateTime) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(time.secs(), time.subsec_nanos())
}
