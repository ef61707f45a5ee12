//! Builds the Worker bundle and the npm package from the crates that compile to wasm.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

use crate::assets;
use crate::built;
use crate::compile::{Module, Profile};
use crate::files::remove;
use crate::jobs::{self, Job};
use crate::process;
use crate::project::Project;
use crate::tools::{self, WasmBindgen};

/// A product of the build.
struct Product {
    name: &'static str,
    modules: &'static [Module],
    /// Its folder, relative to the root.
    folder: &'static str,
    /// Turns the compiled modules into the product.
    finish: fn(&Making<'_>) -> Result<()>,
}

/// The bundle that wrangler deploys.
const WORKER: Product = Product {
    name: "the worker",
    modules: &[Module {
        package: "counterfoil-worker",
        features: "",
        release: "release",
        flags: &[],
        codegen: WITHOUT_PRE,
    }],
    folder: built::WORKER,
    finish: finish_worker,
};

/// The same with faults that tests inject.
const FAULTY_WORKER: Product = Product {
    name: "the worker with faults",
    modules: &[Module {
        package: "counterfoil-worker",
        features: "faults",
        release: "release",
        flags: &[],
        codegen: WITHOUT_PRE,
    }],
    folder: built::FAULTY_WORKER,
    finish: finish_worker,
};

/// The npm package.
const VERIFY: Product = Product {
    name: "the npm package",
    modules: &[
        Module { package: "counterfoil-wasm", features: "module", release: "module", flags: &[], codegen: &[] },
        Module {
            package: "counterfoil-wasm",
            features: "module",
            release: "small",
            flags: SMALL,
            codegen: WITHOUT_PRE,
        },
    ],
    folder: built::VERIFY,
    finish: finish_package,
};

/// Partial redundancy elimination copies code into several branches to compute something once: for speed, not for size.
const WITHOUT_PRE: &[&str] = &["-Cllvm-args=-enable-pre=false -enable-load-pre=false"];

/// Flags for the small module: it runs everywhere, and its SHA-256 is a loop.
pub(crate) const SMALL: &[&str] = &["-Ctarget-feature=-simd128", "--cfg=sha2_backend_soft=\"compact\""];

/// Builds the bundle and the npm package.
///
/// # Errors
///
/// If a tool cannot be installed or a step fails.
pub(crate) fn all(project: &Project, profile: Profile) -> Result<()> {
    make(project, profile, &[WORKER, VERIFY], 2)
}

/// Builds the same, and the bundle with faults that only tests use.
///
/// # Errors
///
/// As [`all`].
pub(crate) fn for_tests(project: &Project, profile: Profile) -> Result<()> {
    make(project, profile, &[WORKER, FAULTY_WORKER, VERIFY], 2)
}

/// Builds the bundle and the npm package. `steps` is the number of steps of the whole job; these are the first two.
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
        products.iter().flat_map(|product| product.modules).try_for_each(|module| module.compile(project, profile))
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
    let [module] = making.product.modules else { bail!("the worker is one module") };
    let glue = making.partial.join("glue");
    making.bind(
        module,
        &glue,
        &[
            "--target=module",
            "--out-name=index",
            // The shim needs these to replace an instance that trapped.
            "--experimental-reset-state-function",
            "--force-enable-abort-handler",
        ],
    )?;

    // workerd returns a module for a plain import and does not support source phase imports.
    let index = glue.join("index.js");
    let text = fs::read_to_string(&index).context("wasm-bindgen made no index.js")?;
    fs::write(&index, text.replace("import source ", "import "))?;
    for module in ["shim.mjs", "calls.mjs", "identity.mjs"] {
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
        // No higher level: its passes make the module smaller, but what gzip makes of it larger. Functions with similar names
        // have similar code, which gzip compresses better if they are close together.
        optimise(
            making.project,
            &module,
            &["-O1", "--duplicate-function-elimination", "--reorder-functions-by-name", SIMD],
        )?;
    }
    fs::remove_dir_all(glue).context("cannot remove the glue")
}

/// The pass that removes the hints of memory accesses about their alignment: equal code becomes equal bytes, and engines ignore
/// the hints.
const UNALIGNED: &str = "--dealign";

/// The npm package: the wasm modules, their glue, and the files of crates/wasm/js.
fn finish_package(making: &Making<'_>) -> Result<()> {
    let [fast, small] = making.product.modules else { bail!("the npm package is two modules") };
    making.add_module(fast, "module", &["-Os", "--converge", UNALIGNED, "--reorder-functions-by-name", SIMD])?;
    // Without inlining: repeated code compresses well.
    making.add_module(
        small,
        "small",
        &["-Oz", "--converge", "--skip-pass=inlining-optimizing", UNALIGNED, "--reorder-functions-by-name"],
    )?;
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

/// Reduces the glue to what the package imports. Most of the glue is code that loads the module, which the package does itself.
fn shrink_glue(making: &Making<'_>) -> Result<()> {
    let (glue, used) = (making.partial.join("glue.js"), making.partial.join("used.js"));
    // The package passes compiled modules only. In an edge function a module is of another realm and fails this test.
    let text = fs::read_to_string(&glue).context("wasm-bindgen made no glue")?;
    let test = "module instanceof WebAssembly.Module";
    ensure!(text.contains(test), "the glue of this version of wasm-bindgen tests modules otherwise");
    fs::write(&glue, text.replace(test, "true")).context("cannot write the glue")?;
    fs::write(&used, "export { initSync, Verifier } from './glue.js';").context("cannot write what is used")?;
    let mut esbuild = making.project.npm_tool("esbuild");
    esbuild.arg(&used).arg(format!("--outfile={}", glue.display()));
    esbuild.args(["--bundle", "--minify", "--format=esm", "--allow-overwrite", "--log-level=warning"]);
    process::quietly(&mut esbuild)?;
    fs::remove_file(used).context("cannot remove what is used")
}

/// A product that is being built, in a temporary folder that then replaces the product's folder: no reader sees an incomplete
/// product. The lock makes a second build of the same product wait.
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

    /// Generates the JavaScript that loads and calls the module.
    fn bind(&self, module: &Module, folder: &Path, options: &[&str]) -> Result<()> {
        let mut command = self.project.command(self.wasm_bindgen.program());
        command.arg(module.path(self.project)).arg("--out-dir").arg(folder);
        process::quietly(command.arg("--no-typescript").args(options))
    }

    /// Adds a module of the npm package as `<name>.wasm` and, for bundlers, as text in `<name>.wasm.js`. All modules have
    /// one glue.
    fn add_module(&self, module: &Module, name: &str, passes: &[&str]) -> Result<()> {
        let bound = self.partial.join("bound");
        self.bind(module, &bound, &["--target=web", "--out-name=glue", "--remove-producers-section"])?;
        let glue = self.partial.join("glue.js");
        let read = |path: &Path| fs::read(path).with_context(|| format!("cannot read {}", path.display()));
        let made = read(&bound.join("glue.js"))?;
        if glue.exists() && read(&glue)? != made {
            bail!("the glue of {name}.wasm differs from that of the other module");
        }
        fs::write(&glue, made).context("cannot write the glue")?;
        let wasm = self.partial.join(format!("{name}.wasm"));
        fs::rename(bound.join("glue_bg.wasm"), &wasm)?;
        remove(&bound)?;
        if self.profile == Profile::Release {
            optimise(self.project, &wasm, passes)?;
        }
        process::quietly(self.project.command("node").args(["--eval", TO_TEXT, "--"]).arg(wasm))
    }
}

/// Writes a file as JavaScript beside it: base64 of raw DEFLATE, which gzip reduces to little more than the deflated bytes.
const TO_TEXT: &str = "const [file] = process.argv.slice(1); \
    const { readFileSync, writeFileSync } = require('fs'); \
    const deflated = require('zlib').deflateRawSync(readFileSync(file), { level: 9 }); \
    writeFileSync(`${file}.js`, `export default \"${deflated.toString('base64')}\";\\n`);";

/// Allows SIMD instructions in a module.
const SIMD: &str = "--enable-simd";

/// Runs passes of wasm-opt on a module, in place. Also removes the names of its functions, an eighth of its size.
fn optimise(project: &Project, module: &Path, passes: &[&str]) -> Result<()> {
    let mut command = project.npm_tool("wasm-opt");
    command.arg(module).arg("-o").arg(module).args(passes).args(["--strip-debug", "--strip-target-features"]);
    // Only the features that rustc and wasm-bindgen use. With more, wasm-opt might emit instructions that a runtime does not
    // support. With fewer, it refuses the module.
    for feature in [
        "mutable-globals",
        "sign-ext",
        "nontrapping-float-to-int",
        "bulk-memory",
        "multivalue",
        "reference-types",
        "exception-handling",
    ] {
        command.arg(format!("--enable-{feature}"));
    }
    process::quietly(&mut command)
}
