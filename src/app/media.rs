//! Files that messages refer to: the parts that serve them.

use std::sync::Arc;

use super::StartError;
use crate::config::Config;
use crate::media;
use crate::media::download::Downloads;
use crate::media::kinds::Kinds;
use crate::media::link::Links;
use crate::media::references::References;
use crate::media::spool::{Spool, SpoolSettings};
use crate::media::upload::{UploadRules, Uploads};
use crate::platform::clock::Clock;
use crate::platform::database::Database;
use crate::platform::http::idempotency::IdempotencyKeys;
use crate::platform::vault::Vault;
use crate::provisioning::Directory;

const DAY_MS: i64 = 24 * 3_600_000;

/// Judges and resolves references to files.
pub(super) fn references(
    config: &Config,
    (database, clock): (&Database, &Clock),
    vault: &Vault,
) -> References {
    References::new(
        database.media.clone(),
        clock.clone(),
        links(config, vault),
        keep_ms(config),
    )
}

/// What the routes over files reach.
pub(super) fn state(
    config: &Config,
    (database, clock): (&Database, &Clock),
    (directory, vault, references): (&Directory, &Vault, &References),
    keys: IdempotencyKeys,
) -> Result<media::routes::State, StartError> {
    let (server, media) = (&config.server, &config.media);
    let spool = Spool::new(SpoolSettings {
        directory: server.spool_dir.clone(),
        bytes_max: server.spool_bytes_max,
        uploads_max: media.uploads_max,
        tenant_uploads_max: media.tenant_uploads_max,
    });
    let uploads = Uploads {
        pool: database.media.clone(),
        clock: clock.clone(),
        spool,
        references: references.clone(),
        rules: Arc::new(UploadRules {
            kinds: Kinds::from_names(&media.types)?,
            file_bytes_max: media.file_bytes_max,
            tenant_bytes_max: media.tenant_bytes_max,
            time_max: media.upload_timeout(),
        }),
    };
    let downloads = Downloads::new(
        database.media.clone(),
        clock.clone(),
        keep_ms(config),
        media.downloads_max,
    );
    Ok(media::routes::State {
        keyring: directory.keyring().clone(),
        clock: clock.clone(),
        directory: directory.clone(),
        uploads,
        downloads,
        links: links(config, vault),
        keys,
    })
}

fn links(config: &Config, vault: &Vault) -> Links {
    let public_url = config.server.public_url.as_deref();
    Links::new(public_url, config.media.link_days, vault)
}

fn keep_ms(config: &Config) -> i64 {
    i64::from(config.retention.media_days) * DAY_MS
}
