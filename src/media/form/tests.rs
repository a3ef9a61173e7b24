use std::path::Path;

use uuid::Uuid;

use super::super::file_name::FileNameError;
use super::super::kinds::WrongKind;
use super::super::spool::{Spool, SpoolSettings};
use super::*;
use crate::values::Ccid;

const BOUNDARY: &str = "----boundary";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

/// One part of a form, with the headers given.
fn part(headers: &str, content: &[u8]) -> Vec<u8> {
    let mut part = format!("--{BOUNDARY}\r\n{headers}\r\n\r\n").into_bytes();
    part.extend_from_slice(content);
    part.extend_from_slice(b"\r\n");
    part
}

fn file(name: &str, mimetype: &str, content: &[u8]) -> Vec<u8> {
    let disposition = format!("Content-Disposition: form-data; name=\"file\"; filename=\"{name}\"");
    part(
        &format!("{disposition}\r\nContent-Type: {mimetype}"),
        content,
    )
}

fn field(name: &str, content: &[u8]) -> Vec<u8> {
    part(
        &format!("Content-Disposition: form-data; name=\"{name}\""),
        content,
    )
}

fn form(parts: &[Vec<u8>]) -> Vec<u8> {
    let end = format!("--{BOUNDARY}--\r\n").into_bytes();
    [parts.concat(), end].concat()
}

async fn spooled(directory: &Path, body: &[u8]) -> Spooled {
    let spool = Spool::new(SpoolSettings {
        directory: directory.to_owned(),
        bytes_max: 1 << 30,
        uploads_max: 1,
        tenant_uploads_max: 1,
    });
    let place = spool.enter(Ccid::from_uuid(Uuid::nil()), true).unwrap();
    let mut upload = place.open().await.unwrap();
    upload.write(body).await.unwrap();
    upload.finish().await.unwrap()
}

async fn inspected(body: &[u8]) -> Result<FileFacts, UploadRefused> {
    let directory = tempfile::tempdir().unwrap();
    let mut spooled = spooled(directory.path(), body).await;
    let names = ["image/png", "text/plain"].map(str::to_owned);
    let kinds = Kinds::from_names(&names).unwrap();
    inspect(&mut spooled, BOUNDARY, (&kinds, 1_000_000)).await
}

#[tokio::test]
async fn the_file_is_found_among_other_parts() {
    let body = form(&[
        field("comment", b"passed over"),
        file("photo.png", "image/png", PNG),
        field("files", b"too"),
    ]);
    let facts = inspected(&body).await.unwrap();
    assert_eq!(facts.file_name.as_str(), "photo.png");
    assert_eq!(
        (facts.mimetype.as_str(), facts.length),
        ("image/png", PNG.len() as u64)
    );
}

#[tokio::test]
async fn a_type_may_have_parameters_and_a_file_no_name() {
    let headers =
        "Content-Disposition: form-data; name=\"file\"\r\nContent-Type: text/plain; charset=utf-8";
    let facts = inspected(&form(&[part(headers, b"Hello")])).await.unwrap();
    assert_eq!(
        (facts.file_name.as_str(), facts.mimetype.as_str()),
        ("file", "text/plain")
    );
}

#[tokio::test]
async fn a_form_without_exactly_one_good_file_is_refused() {
    let png = || file("a.png", "image/png", PNG);
    let many = vec![field("a", b""); PARTS_MAX + 1];
    let cut = form(&[png()]);
    let cases = [
        (form(&[field("other", b"x")]), "NoFile"),
        (form(&[]), "NoFile"),
        (form(&[png(), png()]), "SeveralFiles"),
        (form(&[file("a.png", "image/png", b"")]), "Empty"),
        (form(&many), "TooManyParts"),
        (
            form(&[file("a.png", "image/png", &vec![0; 1_000_001])]),
            "TooLarge",
        ),
        (cut[..cut.len() - BOUNDARY.len() - 8].to_vec(), "Malformed"),
        (b"no form at all".to_vec(), "Malformed"),
        (vec![b'x'; 1_000_000], "Malformed"),
        (form(&[part(&"X: y\r\n".repeat(100_000), b"")]), "Malformed"),
    ];
    for (body, fault) in cases {
        let refused = inspected(&body).await.unwrap_err();
        assert!(
            format!("{refused:?}").starts_with(fault),
            "{refused:?} is no {fault}"
        );
    }
    let refused = inspected(&form(&[file("../a.png", "image/png", PNG)])).await;
    assert!(
        matches!(refused, Err(UploadRefused::FileName(FileNameError::Path))),
        "{refused:?}"
    );
    let refused = inspected(&form(&[file("a.png", "image/png", b"GIF89a")])).await;
    assert!(
        matches!(refused, Err(UploadRefused::Kind(WrongKind::NotAsDeclared))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_file_comes_in_rows_of_one_length_that_are_its_bytes() {
    let directory = tempfile::tempdir().unwrap();
    for length in [1, ROW_BYTES - 1, ROW_BYTES, ROW_BYTES + 1, 3 * ROW_BYTES] {
        let content: Vec<u8> = (0..=250).cycle().take(length).collect();
        let body = form(&[field("before", b"x"), file("a", "text/plain", &content)]);
        let mut spooled = spooled(directory.path(), &body).await;
        let mut rows = Rows::open(&mut spooled, BOUNDARY).await.unwrap();
        let mut found: Vec<Bytes> = Vec::new();
        while let Some(row) = rows.next().await.unwrap() {
            found.push(row);
        }
        let full = found.iter().filter(|row| row.len() == ROW_BYTES).count();
        assert_eq!(full, length / ROW_BYTES);
        assert_eq!(found.len(), length.div_ceil(ROW_BYTES));
        assert!(found.concat() == content, "{length} bytes differ");
    }
}

/// Everything is ready at once here, as it is on a disk that is quick.
#[tokio::test]
async fn of_a_file_of_20_mib_only_some_pieces_are_in_memory() {
    const PIECE: usize = 64 * 1024;
    const PIECES: usize = 320;
    let taken = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&taken);
    let pieces = stream::iter(0..PIECES).map(move |_| {
        counted.fetch_add(PIECE, Ordering::Relaxed);
        Ok(Bytes::from(vec![b'x'; PIECE]))
    });
    let begin = file("a.txt", "text/plain", b"");
    let begin = stream::iter([Ok(Bytes::from(begin[..begin.len() - 2].to_vec()))]);
    let end = stream::iter([Ok(Bytes::from(format!("\r\n--{BOUNDARY}--\r\n")))]);
    let mut form = Form::over(begin.chain(pieces).chain(end).boxed(), BOUNDARY);
    let mut part = form.next_part().await.unwrap().unwrap();
    let mut given = 0;
    while let Some(chunk) = form.chunk(&mut part).await.unwrap() {
        given += chunk.len();
        let held = taken.load(Ordering::Relaxed) - given;
        assert!(held <= 2 * PIECE, "{held} bytes are held");
    }
    assert_eq!(given, PIECES * PIECE);
}
