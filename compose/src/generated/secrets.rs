//! `greentic:edge/secrets` over the deployment's: lets the names of one list through and answers `none` to all others, so
//! that neither the provider nor the flows can read what was set for the other.

use super::abi::{Image, Text, Value};
use super::component;
use super::module::{Import, Module, constant, if_text_is, push_text};
use crate::ComposeError;
use wasm_encoder::ValType;

/// The component, for these names. Without a name it asks nobody.
pub fn secrets(names: &[&str]) -> Result<Vec<u8>, ComposeError> {
    let mut image = Image::default();
    let names: Vec<Text> = names.iter().map(|name| image.text(name)).collect();
    let value = || Value::None(Box::new(Value::Text(Text { address: 0, length: 0 })));
    let (none, told) = (image.value(&value()), image.value(&value()));

    let import =
        Import { module: "greentic:edge/secrets@1.0.0".into(), name: "get".into(), params: vec![ValType::I32; 3] };
    let imports = if names.is_empty() { Vec::new() } else { vec![import] };
    let mut module = Module::new(&imports);
    let deployments_get = 0;
    let allocator = module.allocator(image.end());
    let comparison = module.comparison();
    let get = module.function(&[ValType::I32; 2], &[ValType::I32], &[], |code| {
        for name in &names {
            if_text_is(code, comparison, (0, 1), *name, |code| {
                push_text(code, *name);
                constant(code, told);
                code.call(deployments_get);
                constant(code, told);
                code.return_();
            });
        }
        constant(code, none);
    });
    module.export("greentic:edge/secrets@1.0.0#get", get);
    module.export("cabi_post_greentic:edge/secrets@1.0.0#get", allocator.release);

    let import = if names.is_empty() { "" } else { "    import greentic:edge/secrets@1.0.0;\n" };
    let world =
        format!("package greentic:composed;\nworld secrets {{\n{import}    export greentic:edge/secrets@1.0.0;\n}}\n");
    component("secrets", &[], &world, module.finish(&image)?)
}
