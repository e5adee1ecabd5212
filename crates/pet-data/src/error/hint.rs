use super::Error;

impl Error {
    /// A suggested remedy, if there is one.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Io { source } | Self::Unpack { source, .. }
                if source.kind() == std::io::ErrorKind::StorageFull =>
            {
                "free some disk space and run again".to_owned()
            }
            Self::Io { source } if source.kind() == std::io::ErrorKind::NotFound => {
                "it existed a moment ago; run again when nothing is changing the folder".to_owned()
            }
            Self::NoFolder { .. } => "check the path of the data set".to_owned(),
            Self::Layout {
                nested: Some(nested),
                ..
            } => {
                format!("did you mean `{}`?", nested.display())
            }
            Self::Layout { expected, .. } => {
                format!("choose the folder that contains `{expected}`")
            }
            Self::MissingImages { .. } => {
                "unpack `images.tar.gz` again, or remove the missing names from the lists"
                    .to_owned()
            }
            Self::TooFewClasses { got: 0, .. } => {
                "put the images of each class into a folder named after the class; if this is one of these folders, name \
                 the folder above it".to_owned()
            }
            Self::TooFewClasses { .. } => {
                "add a folder with the images of another class, or give the folder that contains the class folders"
                    .to_owned()
            }
            Self::EmptyClass { .. } => "add images to the folder, or remove it".to_owned(),
            Self::StrayFolder { .. } => {
                "rename it, move it away, or move its images into `train`, `val` or `test`".to_owned()
            }
            Self::DividedClass { first, .. } => {
                let class = first.parent().and_then(std::path::Path::file_name).unwrap_or_default();
                let class = class.display();
                format!("put the split above the classes: `train/{class}`, `test/{class}`")
            }
            Self::NoTrainFolder { root } => format!(
                "put the class folders to train on into `{}`, or specify the folder that contains class folders",
                root.join("train").display()
            ),
            Self::TwoFolders { .. } => "move the images of one into the other".to_owned(),
            Self::UnknownClasses { .. } => {
                "an added folder has a folder of images for each class, named like the data set's classes".to_owned()
            }
            Self::FolderTwice { .. } => "specify each folder once".to_owned(),
            Self::ClassName { .. } => "rename the folder with letters and digits".to_owned(),
            Self::Download { root, archive, .. } => format!(
                "check the network and run again to resume; or put `{archive}` into `{}` yourself",
                root.display()
            ),
            Self::Checksum { path, .. } => {
                format!("remove `{}` to download it again", path.display())
            }
            Self::Busy { .. } => "wait until the other download has finished".to_owned(),
            Self::Unpack { path, .. } => {
                format!(
                    "if `{}` is damaged, remove it and run again",
                    path.display()
                )
            }
            Self::NotASample { root } => {
                format!("choose another folder, or remove `{}`", root.display())
            }
            _ => return None,
        };
        Some(hint)
    }
}
