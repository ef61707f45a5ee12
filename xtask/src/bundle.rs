//! Makes what is deployed, tested and published out of the crates that compile to wasm.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::assets;
use crate::built;
use crate::compile::{self, Profile};
use crate::files::remove;
use crate::jobs::{self, Job};
use crate::process;
use crate::project::Project;
use crate::tools::{self, WasmBindgen};

/// One thing to make.
struct Product {
    name: &'static str,
    package: &'static str,
    features: &'static str,
    /// Where it is made, from the root.
    folder: &'static str,
    /// Turns the compiled module into the product.
    finish: fn(&Making<'_>) -> Result<()>,
}

/// What wrangler deploys.
const WORKER: Product = Product {
    name: "the worker",
    package: "counterfoil-worker",
    features: "",
    folder: built::WORKER,
    finish: finish_worker,
};

/// The worker with what tests need to see it fail.
const FAULTY_WORKER: Product =
    Product { name: "the worker with faults", features: "faults", folder: built::FAULTY_WORKER, ..WORKER };

/// The npm package.
const VERIFY: Product = Product {
    name: "the npm package",
    package: "counterfoil-wasm",
    features: "module",
    folder: built::VERIFY,
    finish: finish_package,
};

/// Builds what is deployed and what is published.
///
/// # Errors
///
/// Where a tool cannot be had or a step fails.
pub(crate) fn all(project: &Project, profile: Profile) -> Result<()> {
    make(project, profile, &[WORKER, VERIFY], 2)
}

/// Builds the same, and what only tests use.
///
/// # Errors
///
/// As [`all`].
pub(crate) fn for_tests(project: &Project, profile: Profile) -> Result<()> {
    make(project, profile, &[WORKER, FAULTY_WORKER, VERIFY], 2)
}

/// Builds what is served. `steps` is how many steps the whole job has, of which these are the first two.
///
/// # Errors
///
/// As [`all`].
pub(crate) fn served(project: &Project, profile: Profile, steps: usize) -> Result<()> {
    make(project, profile, &[WORKER, VERIFY], steps)
}

fn make(project: &Project, profile: Profile, products: &[Product], steps: usize) -> Result<()> {
    let names = products.iter().map(|product| product.name).collect::<Vec<_>>().join(", ");
    let compile = Job::new(format!("compiling {names}"), || {
        products.iter().try_for_each(|product| compile::wasm(project, product.package, product.features, profile))
    });
    let wasm_bindgen = tools::get_while(project, &format!("[1/{steps}]"), vec![compile])?;
    let wasm_bindgen = &wasm_bindgen;
    let finish = products.iter().map(|product| {
        let making = move || Making::of(product, project, wasm_bindgen, profile)?.run();
        Job::new(format!("bundling {}", product.name), making)
    });
    jobs::all(&format!("[2/{steps}]"), finish.collect())?;
    assets::gather(project)
}

/// The worker: one JavaScript file and one wasm module, as wrangler uploads them and workerd loads them.
fn finish_worker(making: &Making<'_>) -> Result<()> {
    let glue = making.partial.join("glue");
    making.bind(
        &glue,
        &[
            "--target=module",
            "--out-name=index",
            // What the shim needs to put a fresh instance in the place of one that trapped.
            "--experimental-reset-state-function",
            "--force-enable-abort-handler",
        ],
    )?;

    // workerd gives a module to a plain import; the source phase syntax it does not know.
    let index = glue.join("index.js");
    let text = fs::read_to_string(&index).context("wasm-bindgen made no index.js")?;
    fs::write(&index, text.replace("import source ", "import "))?;
    for module in ["shim.mjs", "identity.mjs"] {
        let source = making.project.root.join("crates/worker/js").join(module);
        fs::copy(&source, glue.join(module)).with_context(|| format!("cannot copy {}", source.display()))?;
    }

    let mut esbuild = making.project.npm_tool("esbuild");
    esbuild.arg(glue.join("shim.mjs")).arg(format!("--outfile={}", making.partial.join("index.js").display()));
    esbuild.args(["--bundle", "--format=esm", "--target=es2023", "--log-level=warning"]);
    esbuild.args(["--external:cloudflare:*", "--external:./index_bg.wasm"]);
    if making.profile == Profile::Release {
        esbuild.arg("--minify");
    }
    process::quietly(&mut esbuild)?;
    let module = making.partial.join("index_bg.wasm");
    fs::rename(glue.join("index_bg.wasm"), &module)?;
    if making.profile == Profile::Release {
        // No more than this: what else wasm-opt would save here, gzip saves already. Functions of like names are much
        // alike, and gzip sees it where they are close.
        optimise(making.project, &module, &["--duplicate-function-elimination", "--reorder-functions-by-name"])?;
    }
    fs::remove_dir_all(glue).context("cannot remove the glue")
}

/// The npm package: the wasm module, its glue, and the files of crates/wasm/js.
fn finish_package(making: &Making<'_>) -> Result<()> {
    making.bind(&making.partial, &["--target=web", "--out-name=glue", "--remove-producers-section"])?;
    if making.profile == Profile::Release {
        optimise(making.project, &making.partial.join("glue_bg.wasm"), &["-Os"])?;
    }
    shrink_glue(making)?;
    let files = making.project.root.join("crates/wasm/js");
    for entry in fs::read_dir(&files).with_context(|| format!("cannot read {}", files.display()))? {
        let entry = entry?;
        fs::copy(entry.path(), making.partial.join(entry.file_name()))?;
    }
    for license in ["LICENSE-APACHE", "LICENSE-MIT"] {
        fs::copy(making.project.root.join(license), making.partial.join(license))?;
    }
    Ok(())
}

/// Leaves in the glue what the package imports: not its way of loading the module, which is most of it.
fn shrink_glue(making: &Making<'_>) -> Result<()> {
    let (glue, used) = (making.partial.join("glue.js"), making.partial.join("used.js"));
    fs::write(&used, "export { initSync, Verifier } from './glue.js';").context("cannot write what is used")?;
    let mut esbuild = making.project.npm_tool("esbuild");
    esbuild.arg(&used).arg(format!("--outfile={}", glue.display()));
    esbuild.args(["--bundle", "--minify", "--format=esm", "--allow-overwrite", "--log-level=warning"]);
    process::quietly(&mut esbuild)?;
    fs::remove_file(used).context("cannot remove what is used")
}

/// A product on its way. It is made anew beside its folder and then takes its place, so that nobody ever sees half of
/// it; who makes the same one meanwhile waits.
struct Making<'a> {
    product: &'a Product,
    project: &'a Project,
    wasm_bindgen: &'a WasmBindgen,
    profile: Profile,
    partial: PathBuf,
    _lock: File,
}

impl<'a> Making<'a> {
    fn of(product: &'a Product, project: &'a Project, wasm_bindgen: &'a WasmBindgen, profile: Profile) -> Result<Self> {
        let lock = built::lock(project, product.folder)?;
        let partial = project.root.join(format!("{}.partial", product.folder));
        remove(&partial)?;
        fs::create_dir(&partial).with_context(|| format!("cannot create {}", partial.display()))?;
        Ok(Self { product, project, wasm_bindgen, profile, partial, _lock: lock })
    }

    fn run(self) -> Result<()> {
        (self.product.finish)(&self)?;
        let folder = self.project.root.join(self.product.folder);
        remove(&folder)?;
        fs::rename(&self.partial, &folder).with_context(|| format!("cannot create {}", folder.display()))
    }

    /// Makes the JavaScript that loads and calls the module.
    fn bind(&self, folder: &Path, options: &[&str]) -> Result<()> {
        let module = compile::module(self.project, self.product.package, self.product.features);
        let mut command = self.project.command(self.wasm_bindgen.program());
        process::quietly(command.arg(module).arg("--out-dir").arg(folder).arg("--no-typescript").args(options))
    }
}

/// Runs passes of wasm-opt over a module, in place. The names of its functions, an eighth of its size, are gone after
/// it.
fn optimise(project: &Project, module: &Path, passes: &[&str]) -> Result<()> {
    let mut command = project.npm_tool("wasm-opt");
    command.arg(module).arg("-o").arg(module).args(passes).args(["--strip-debug", "--strip-target-features"]);
    // What rustc and wasm-bindgen emit, and no more: else wasm-opt might use what a runtime does not know yet.
    for feature in [
        "mutable-globals",
        "sign-ext",
        "nontrapping-float-to-int",
        "bulk-memory",
        "multivalue",
        "reference-types",
        "exception-handling",
        "simd",
    ] {
        command.arg(format!("--enable-{feature}"));
    }
    process::quietly(&mut command)
}
