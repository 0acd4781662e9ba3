//! The one place that turns `wit/` into Rust for the host. Nothing else in the host may call `bindgen!`.
//!
//! One world stands for all roles, because a world's generated types belong to its `bindgen!` call: with one call
//! the edge's `message` is the provider's `message`, and handing it on is a move. What each role may really import
//! is decided by the linker it gets (`engine/linkers.rs`), not here.

wasmtime::component::bindgen!({
    inline: "
        package greentic:host;

        world every-role {
            import greentic:edge/route@1.0.0;
            import greentic:edge/provider@1.0.0;
            import greentic:edge/session-store@1.0.0;
            import greentic:edge/egress@1.0.0;
            import greentic:edge/nodes@1.0.0;
            import greentic:edge/flow@1.0.0;
            import greentic:edge/secrets@1.0.0;
            import greentic:edge/settings@1.0.0;
            import greentic:edge/egress-feed@1.0.0;

            export greentic:edge/webhook@1.0.0;
            export greentic:edge/provider@1.0.0;
            export greentic:edge/sidecar@1.0.0;
        }
    ",
    path: "../wit/edge",
    world: "greentic:host/every-role",
    imports: {
        // Answered from memory: an async host call would only add a future to poll.
        "greentic:edge/route.current": trappable,
        "greentic:edge/route.config": trappable,
        "greentic:edge/route.texts": trappable,
        "greentic:edge/flow.entry": trappable,
        "greentic:edge/flow.node": trappable,
        "greentic:edge/secrets.get": trappable,
        "greentic:edge/settings.config": trappable,
        "greentic:edge/egress-feed.connection": trappable,
        "greentic:edge/egress-feed.connected": trappable,
        default: async | trappable,
    },
    exports: { default: async },
    require_store_data_send: true,
});

/// What programs may use of Fermyon Spin's interfaces, a package of its own.
pub mod spin {
    wasmtime::component::bindgen!({
        inline: "
            package greentic:program;

            world program {
                import fermyon:spin/variables@2.0.0;
            }
        ",
        path: "../wit/spin",
        world: "greentic:program/program",
        imports: { default: trappable },
        require_store_data_send: true,
    });
}

/// The documented `greentic:mcp`, a package of its own.
pub mod mcp {
    wasmtime::component::bindgen!({
        path: ["../wit/types", "../wit/mcp"],
        world: "greentic:mcp/mcp-tool@1.0.0",
        exports: { default: async },
        require_store_data_send: true,
    });
}

/// The documented component that is told whose call it works on, a package of its own.
pub mod flow_component {
    wasmtime::component::bindgen!({
        path: ["../wit/types", "../wit/flow-component"],
        world: "greentic:component/flow-component@2.0.0",
        exports: { default: async },
        require_store_data_send: true,
    });
}

/// The documented `greentic:component`, a package of its own.
pub mod component {
    wasmtime::component::bindgen!({
        path: "../wit/component",
        world: "component",
        exports: { default: async },
        require_store_data_send: true,
    });
}
