//! A bucket that can only be listed, from memory: a page costs a look-up, as with S3 itself, and not a walk over the folder.

use s3s::dto::{CommonPrefix, ListObjectsV2Input, ListObjectsV2Output, Object};
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};

/// Most keys of one page, as S3 has it.
const PAGE: usize = 1_000;

pub(super) struct Listing {
    bucket: String,
    /// In order, each once.
    keys: Vec<String>,
}

impl Listing {
    pub(super) fn new(bucket: &str, mut keys: Vec<String>) -> Self {
        keys.sort_unstable();
        keys.dedup();
        Self {
            bucket: bucket.to_owned(),
            keys,
        }
    }
}

#[async_trait::async_trait]
impl S3 for Listing {
    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = request.input;
        if input.bucket != self.bucket {
            return Err(s3_error!(NoSuchBucket));
        }
        let prefix = input.prefix.as_deref().unwrap_or_default();
        let after = input
            .continuation_token
            .as_deref()
            .max(input.start_after.as_deref())
            .unwrap_or_default();
        let most = input
            .max_keys
            .and_then(|most| usize::try_from(most).ok())
            .map_or(PAGE, |most| most.min(PAGE));
        let first = self
            .keys
            .partition_point(|key| key.as_str() < prefix || key.as_str() <= after);
        let mut rest = self.keys[first..]
            .iter()
            .take_while(|key| key.starts_with(prefix))
            .peekable();
        let mut contents = Vec::new();
        let mut folders: Vec<CommonPrefix> = Vec::new();
        let mut last = None;
        while contents.len() + folders.len() < most
            && let Some(key) = rest.next()
        {
            let folder = input.delimiter.as_deref().and_then(|mark| {
                let length = key[prefix.len()..].find(mark)? + mark.len();
                Some(&key[..prefix.len() + length])
            });
            match folder {
                Some(folder) => {
                    let mut final_key = key;
                    while let Some(key) = rest.next_if(|key| key.starts_with(folder)) {
                        final_key = key;
                    }
                    folders.push(CommonPrefix {
                        prefix: Some(folder.to_owned()),
                    });
                    last = Some(final_key);
                }
                None => {
                    contents.push(Object {
                        key: Some(key.clone()),
                        size: Some(0),
                        ..Object::default()
                    });
                    last = Some(key);
                }
            }
        }
        let more = rest.peek().is_some();
        Ok(S3Response::new(ListObjectsV2Output {
            key_count: i32::try_from(contents.len() + folders.len()).ok(),
            max_keys: i32::try_from(most).ok(),
            is_truncated: Some(more),
            next_continuation_token: last.filter(|_| more).cloned(),
            contents: (!contents.is_empty()).then_some(contents),
            common_prefixes: (!folders.is_empty()).then_some(folders),
            continuation_token: input.continuation_token,
            delimiter: input.delimiter,
            encoding_type: input.encoding_type,
            name: Some(input.bucket),
            prefix: input.prefix,
            start_after: input.start_after,
            ..ListObjectsV2Output::default()
        }))
    }
}
