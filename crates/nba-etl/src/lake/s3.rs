//! A lake that is a bucket.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{Credentials, Region};
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::DateTime as AwsDateTime;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::stream::{self, BoxStream, FuturesUnordered, StreamExt as _, TryStreamExt as _};
use nba_config::ExposeSecret as _;
use nba_config::S3Settings;

use super::{Facts, LakeError, LakeObject, Parts};

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

/// Keys below a prefix, greater than `after` and not greater than `end`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Range {
    prefix: String,
    after: Option<String>,
    end: Option<String>,
}

impl Range {
    fn of(prefix: String) -> Range {
        Range {
            prefix,
            after: None,
            end: None,
        }
    }

    /// Two ranges that cover this one; `None` when no key between is easily found.
    fn halves(&self) -> Option<[Range; 2]> {
        let after = self.after.as_deref()?;
        let middle = between(after, self.end.as_deref(), self.prefix.len())?;
        let first = Range {
            end: Some(middle.clone()),
            ..self.clone()
        };
        let second = Range {
            after: Some(middle),
            ..self.clone()
        };
        Some([first, second])
    }
}

/// A key between two others, near the middle of what is likely to be there: digits among digits, letters among letters. Only
/// ASCII, which every store takes and sorts alike.
fn between(after: &str, end: Option<&str>, prefix: usize) -> Option<String> {
    const LAST: u8 = b'~';
    let a = after.as_bytes();
    let common = end.map_or(prefix, |end| {
        a.iter()
            .zip(end.as_bytes())
            .take_while(|(x, y)| x == y)
            .count()
    });
    let mut ceiling = end.and_then(|end| end.as_bytes().get(common)).copied();
    for at in common..=a.len() {
        let low = a.get(at).copied().unwrap_or(b' ');
        let class = match low {
            b'0'..=b'9' => b'9' + 1,
            b'A'..=b'Z' => b'Z' + 1,
            b'a'..=b'z' => b'z' + 1,
            _ => LAST,
        };
        let high = ceiling.unwrap_or(LAST).min(class);
        let middle = low.saturating_add(high.saturating_sub(low) / 2);
        if low < middle && middle < high && middle.is_ascii() {
            let start = after.get(..at)?;
            return Some(format!("{start}{}", char::from(middle)));
        }
        // No room at this place: what follows it in `after` is below any end.
        ceiling = None;
    }
    None
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

    /// Without prefixes, the folders at the top are listed side by side. A long listing is split while it goes on.
    pub(super) fn list(
        &self,
        prefixes: Vec<String>,
        concurrency: NonZeroUsize,
    ) -> BoxStream<'_, Result<LakeObject, LakeError>> {
        if !prefixes.is_empty() {
            return self.ranges(prefixes, concurrency);
        }
        stream::once(self.top())
            .flat_map(move |top| match top {
                Err(error) => stream::iter([Err(error)]).boxed(),
                Ok((objects, folders)) => stream::iter(objects.into_iter().map(Ok))
                    .chain(self.ranges(folders, concurrency))
                    .boxed(),
            })
            .boxed()
    }

    /// Everything below some prefixes, several pages at a time; ends after the first error.
    ///
    /// The ranges cover the space of keys without gap or overlap, whatever keys there are. Where more is left than what is on
    /// the way, a range is cut in two: that costs a request when one half is empty, and a wait per page when it is not.
    fn ranges(
        &self,
        prefixes: Vec<String>,
        concurrency: NonZeroUsize,
    ) -> BoxStream<'_, Result<LakeObject, LakeError>> {
        let queue: VecDeque<Range> = prefixes.into_iter().map(Range::of).collect();
        let state = (queue, FuturesUnordered::new(), VecDeque::new());
        stream::try_unfold(
            state,
            move |(mut queue, mut running, mut ready)| async move {
                loop {
                    if let Some(object) = ready.pop_front() {
                        return Ok(Some((object, (queue, running, ready))));
                    }
                    while running.len() < concurrency.get()
                        && let Some(range) = queue.pop_front()
                    {
                        running.push(self.range_page(range));
                    }
                    let Some((objects, rest)) = running.try_next().await? else {
                        return Ok(None);
                    };
                    ready.extend(objects);
                    if let Some(rest) = rest {
                        let idle = concurrency.get() > running.len() + queue.len() + 1;
                        match idle.then(|| rest.halves()).flatten() {
                            Some(halves) => queue.extend(halves),
                            None => queue.push_back(rest),
                        }
                    }
                }
            },
        )
        .boxed()
    }

    /// The next page of a range, and what is left of it.
    async fn range_page(
        &self,
        range: Range,
    ) -> Result<(Vec<LakeObject>, Option<Range>), LakeError> {
        let mut page = self
            .page(&range.prefix, None, None, range.after.as_deref())
            .await?;
        let first = page.objects.first();
        if let (Some(after), Some(first)) = (&range.after, first)
            && first.key <= *after
        {
            return Err(LakeError::Listing {
                lake: self.describe(),
                prefix: range.prefix,
                message: format!("asked for what follows `{after}`, `{}` came", first.key),
            });
        }
        let last = page.objects.last().map(|object| object.key.clone());
        let whole = page.objects.len();
        if let Some(end) = &range.end {
            page.objects.retain(|object| object.key <= *end);
        }
        // What lies beyond the end belongs to another range.
        let left = page.next.is_some() && page.objects.len() == whole;
        let rest = match (left, last) {
            (true, Some(last)) => Some(Range {
                after: Some(last),
                ..range
            }),
            (true, None) => {
                return Err(LakeError::Listing {
                    lake: self.describe(),
                    prefix: range.prefix,
                    message: "a page without objects announces more".to_owned(),
                });
            }
            _ => None,
        };
        Ok((page.objects, rest))
    }

    /// Objects and folders at the top, from all pages.
    async fn top(&self) -> Result<(Vec<LakeObject>, Vec<String>), LakeError> {
        let (mut objects, mut folders, mut token) = (Vec::new(), Vec::new(), None);
        loop {
            let page = self.page("", Some("/"), token, None).await?;
            objects.extend(page.objects);
            folders.extend(page.folders);
            token = page.next;
            if token.is_none() {
                return Ok((objects, folders));
            }
        }
    }

    async fn page(
        &self,
        prefix: &str,
        delimiter: Option<&str>,
        token: Option<String>,
        after: Option<&str>,
    ) -> Result<Page, LakeError> {
        let operation = || format!("list `{}{prefix}`", self.base);
        let output = self
            .client
            .list_objects_v2()
            .bucket(&self.name)
            .prefix(format!("{}{prefix}", self.base))
            .set_delimiter(delimiter.map(str::to_owned))
            .set_continuation_token(token.clone())
            .set_start_after(after.map(|key| format!("{}{key}", self.base)))
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

    /// What the service keeps about an object besides the listing: version, checksum, ETag.
    pub(super) async fn head(&self, key: &str) -> Result<Facts, LakeError> {
        let output = self
            .client
            .head_object()
            .bucket(&self.name)
            .key(format!("{}{key}", self.base))
            .checksum_mode(ChecksumMode::Enabled)
            .send()
            .await
            .map_err(|error| {
                self.error(format!("ask about `{}{key}`", self.base), Some(key), error)
            })?;
        let checksum = [
            ("sha256", output.checksum_sha256()),
            ("crc64nvme", output.checksum_crc64_nvme()),
            ("crc32c", output.checksum_crc32_c()),
            ("crc32", output.checksum_crc32()),
            ("sha1", output.checksum_sha1()),
        ]
        .into_iter()
        .find_map(|(name, value)| Some(format!("{name}:{}", value?)));
        Ok(Facts {
            etag: output.e_tag().map(unquoted),
            version: output.version_id().map(str::to_owned),
            checksum,
        })
    }

    /// The object's bytes as they arrive. The SDK compares the checksum S3 keeps at their end.
    pub(super) async fn open(&self, key: &str) -> Result<(LakeObject, Parts<'_>), LakeError> {
        let output = self
            .client
            .get_object()
            .bucket(&self.name)
            .key(format!("{}{key}", self.base))
            .checksum_mode(ChecksumMode::Enabled)
            .send()
            .await
            .map_err(|error| self.error(format!("read `{}{key}`", self.base), Some(key), error))?;
        let damaged = {
            let (lake, key) = (self.describe(), key.to_owned());
            move |message: String| LakeError::Damaged {
                lake: lake.clone(),
                key: key.clone(),
                message,
            }
        };
        let size = output
            .content_length()
            .and_then(|size| u64::try_from(size).ok())
            .ok_or_else(|| damaged("its length is not announced".to_owned()))?;
        let object = LakeObject {
            key: key.to_owned(),
            size,
            etag: output.e_tag().map(unquoted),
            modified: output.last_modified().and_then(moment),
        };
        let parts = stream::try_unfold((output.body, damaged), |(mut body, damaged)| async move {
            match body.try_next().await {
                Ok(None) => Ok(None),
                Ok(Some(bytes)) => Ok(Some((bytes, (body, damaged)))),
                Err(error) => Err(damaged(DisplayErrorContext(&error).to_string())),
            }
        })
        .boxed();
        Ok((object, parts))
    }

    /// Writes a new object with a checksum the service compares; one that is there is never replaced.
    pub(super) async fn put_new(&self, key: &str, bytes: Bytes) -> Result<(), LakeError> {
        let sent = self
            .client
            .put_object()
            .bucket(&self.name)
            .key(format!("{}{key}", self.base))
            .if_none_match("*")
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .body(bytes.into())
            .send()
            .await;
        match sent {
            Ok(_) => Ok(()),
            Err(error) => {
                let status = error.raw_response().map(|answer| answer.status().as_u16());
                if status == Some(412) {
                    return Err(LakeError::AlreadyThere {
                        lake: self.describe(),
                        key: key.to_owned(),
                    });
                }
                Err(self.error(format!("write `{}{key}`", self.base), None, error))
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_cover_the_whole() {
        for (after, end) in [
            ("p/1.json", None),
            ("p/401585577.json", None),
            ("p/401585577.json", Some("p/5")),
            ("p/a", Some("p/b")),
            ("p/9", Some("p/9z")),
            ("p/é", None),
            ("p/~~~", None),
            ("p/19", Some("p/2")),
        ] {
            let range = Range {
                prefix: "p/".to_owned(),
                after: Some(after.to_owned()),
                end: end.map(str::to_owned),
            };
            let Some([first, second]) = range.halves() else {
                continue;
            };
            assert_eq!(first.after, range.after);
            assert_eq!(second.end, range.end);
            assert_eq!(first.end, second.after);
            let middle = first.end.unwrap();
            assert!(middle.as_str() > after, "{middle} after {after}");
            assert!(
                end.is_none_or(|end| middle.as_str() < end),
                "{middle} before {end:?}"
            );
        }
        assert_eq!(between("p/1.json", None, 2).as_deref(), Some("p/5"));
        assert_eq!(
            between("p/401.json", Some("p/5"), 2).as_deref(),
            Some("p/45")
        );
    }

    proptest::proptest! {
        #[test]
        fn a_key_between_is_between(after in "p/[ -~é]{0,8}", end in "p/[ -~é]{0,8}") {
            proptest::prop_assume!(after < end);
            if let Some(middle) = between(&after, Some(&end), 2) {
                proptest::prop_assert!(after < middle && middle < end, "{} {} {}", after, middle, end);
            }
            if let Some(middle) = between(&after, None, 2) {
                proptest::prop_assert!(after < middle && middle.starts_with("p/"));
            }
        }
    }
}
