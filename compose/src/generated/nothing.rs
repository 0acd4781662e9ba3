//! An environment without variables and a file system without directories, for every part but the one that is told of
//! the deployment: no provider and no node sees the secrets that its process was started with.

use super::abi::Image;
use super::component;
use super::module::Module;
use crate::ComposeError;

/// What is wanted of the part. What is not wanted is left out, so that the composed component imports no more for it.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Empty {
    pub environment: bool,
    pub preopens: bool,
}

/// Address that every function answers with. The memory is zero throughout, and zeros are an empty list and `none`.
const ZEROS: u32 = 0;

/// The component. `wasi` is the WASI version of the parts that it is linked with.
pub fn nothing(empty: Empty, wasi: &str) -> Result<Vec<u8>, ComposeError> {
    let mut module = Module::new(&[]);
    let (mut packages, mut world) = (Vec::new(), String::from("package greentic:composed;\nworld nothing {\n"));
    if empty.environment {
        let interface = format!("wasi:cli/environment@{wasi}");
        for function in ["get-environment", "get-arguments", "initial-cwd"] {
            module.export_constant(&format!("{interface}#{function}"), ZEROS);
        }
        packages.push(cli(wasi));
        world.push_str(&format!("    export {interface};\n"));
    }
    if empty.preopens {
        let interface = format!("wasi:filesystem/preopens@{wasi}");
        module.export_constant(&format!("{interface}#get-directories"), ZEROS);
        packages.push(filesystem(wasi));
        world.push_str(&format!("    export {interface};\n"));
    }
    world.push_str("}\n");
    component("nothing", &packages, &world, module.finish(&Image::default())?)
}

fn cli(version: &str) -> String {
    format!(
        "package wasi:cli@{version};
interface environment {{
    get-environment: func() -> list<tuple<string, string>>;
    get-arguments: func() -> list<string>;
    initial-cwd: func() -> option<string>;
}}
"
    )
}

fn filesystem(version: &str) -> String {
    format!(
        "package wasi:filesystem@{version};
interface types {{
    resource descriptor;
}}
interface preopens {{
    use types.{{descriptor}};
    get-directories: func() -> list<tuple<descriptor, string>>;
}}
"
    )
}
