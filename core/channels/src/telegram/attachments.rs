//! What a message carries beside its words. Files are referenced by `file_id`, which `getFile` takes.

use super::decode::join_name;
use super::update::{File, Location, Message};
use crate::lenient::Loose;
use greentic_types::Attachment;

pub fn of(message: &Message<'_>) -> Vec<Attachment> {
    // A photo comes as several sizes of one picture, the largest last. An animation comes as a document as well, and
    // a venue as a location: each counts once.
    let document = if message.animation.0.is_some() { None } else { message.document.0.as_ref() };
    let files = [
        ("image", message.photo.0.last()),
        ("video", message.animation.0.as_ref()),
        ("file", document),
        ("audio", message.voice.0.as_ref()),
        ("audio", message.audio.0.as_ref()),
        ("video", message.video.0.as_ref()),
        ("video", message.video_note.0.as_ref()),
        ("sticker", message.sticker.0.as_ref()),
    ];
    let mut attachments: Vec<Attachment> =
        files.into_iter().filter_map(|(kind, file)| file.map(|file| of_file(kind, file))).collect();
    attachments.extend(place(message));
    if let Loose(Some(contact)) = &message.contact {
        let name = join_name(contact.first_name.as_str(), contact.last_name.as_str());
        attachments.push(plain("contact", name, format!("tel:{}", contact.phone_number.0)));
    }
    if let Loose(Some(poll)) = &message.poll {
        attachments.push(plain("poll", poll.question.to_owned_string(), poll.id.0.to_string()));
    }
    if let Loose(Some(dice)) = &message.dice {
        attachments.push(plain("dice", Some(dice.emoji.0.to_string()), dice.value.to_string()));
    }
    attachments
}

fn of_file(kind: &str, file: &File<'_>) -> Attachment {
    Attachment {
        mime_type: file.mime_type.to_owned_string(),
        size: file.file_size.0,
        ..plain(kind, file.file_name.as_str().or(file.emoji.as_str()).map(str::to_owned), file.file_id.0.to_string())
    }
}

fn place(message: &Message<'_>) -> Option<Attachment> {
    // RFC 5870.
    let geo = |place: &Location| format!("geo:{},{}", place.latitude, place.longitude);
    match (&message.venue.0, &message.location.0) {
        (Some(venue), _) => Some(plain("location", venue.title.to_owned_string(), geo(&venue.location))),
        (None, Some(location)) => Some(plain("location", None, geo(location))),
        (None, None) => None,
    }
}

fn plain(kind: &str, name: Option<String>, reference: String) -> Attachment {
    Attachment { kind: kind.to_owned(), name, mime_type: None, reference, size: None }
}
