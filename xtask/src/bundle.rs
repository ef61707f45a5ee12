//! Makes what is deployed and published out of the compiled wasm modules.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::compile::{self, Profile};
use crate::jobs::{self, Job};
use crate::process;
use crate::project::Project;
use crate::tools::{self, WasmBindgen};

const WORKER: &str = "counterfoil-worker";
const VERIFY: &str = "counterfoil-wasm";

/// Where the worker's bundle is made; wrangler.toml names it too.
const WORKER_FOLDER: &str = "build/worker";
/// Where the npm package is made.
const PACKAGE_FOLDER: &str = "build/verify";

/// Builds the worker and the npm package.
///
/// # Errors
///
/// Where a tool cannot be had or a step fails.
pub(crate) fn all(project: &Project, profile: Profile) -> Result<()> {
    let compile = Job::new("compiling the worker and the npm package", || {
        compile::wasm(project, WORKER, profile)?;
        compile::wasm(project, VERIFY, profile)
    });
    let wasm_bindgen = tools::get_while(project, "[1/2]", vec![compile])?;
    let bundle = vec![
        Job::new(format!("bundling {WORKER_FOLDER}"), || worker_bundle(project, &wasm_bindgen, profile)),
        Job::new(format!("packing {PACKAGE_FOLDER}"), || package(project, &wasm_bindgen, profile)),
    ];
    jobs::all("[2/2]", bundle)
}

/// Builds the worker alone. `steps` is how many steps the whole job has, of which these are the first two.
///
/// # Errors
///
/// As [`all`].
pub(crate) fn worker(project: &Project, profile: Profile, steps: usize) -> Result<()> {
    let compile = Job::new("compiling the worker", || compile::wasm(project, WORKER, profile));
    let wasm_bindgen = tools::get_while(project, &format!("[1/{steps}]"), vec![compile])?;
    let bundle = Job::new("bundling it", || worker_bundle(project, &wasm_bindgen, profile));
    jobs::all(&format!("[2/{steps}]"), vec![bundle])
}

/// The worker: one JavaScript file and one wasm module, as wrangler uploads them and workerd loads them.
fn worker_bundle(project: &Project, wasm_bindgen: &WasmBindgen, profile: Profile) -> Result<()> {
    let folder = Folder::new(project, WORKER_FOLDER)?;
    let glue = folder.make("glue")?;
    let mut command = project.command(wasm_bindgen.program());
    command.arg(compile::module(project, WORKER, profile)).arg("--out-dir").arg(&glue);
    command.args(["--target", "module", "--out-name", "index", "--no-typescript"]);
    // What the shim needs to put a fresh instance in the place of one that trapped.
    command.args(["--experimental-reset-state-function", "--force-enable-abort-handler"]);
    process::quietly(&mut command)?;

    let module = glue.join("index_bg.wasm");
    if profile == Profile::Release {
        optimise(project, &module)?;
    }

    // workerd gives a module to a plain import; the source phase syntax it does not know.
    let index = glue.join("index.js");
    let text = fs::read_to_string(&index).context("wasm-bindgen made no index.js")?;
    fs::write(&index, text.replace("import source ", "import "))?;
    fs::copy(project.root.join("crates/worker/js/shim.mjs"), glue.join("shim.mjs")).context("no shim.mjs")?;
    let mut esbuild = project.npm_tool("esbuild");
    esbuild.arg(glue.join("shim.mjs")).arg(format!("--outfile={}", folder.partial.join("index.js").display()));
    esbuild.args(["--bundle", "--format=esm", "--target=es2023", "--log-level=warning"]);
    esbuild.args(["--external:cloudflare:*", "--external:./index_bg.wasm"]);
    if profile == Profile::Release {
        esbuild.arg("--minify");
    }
    process::quietly(&mut esbuild)?;
    fs::rename(&module, folder.partial.join("index_bg.wasm"))?;
    fs::remove_dir_all(&glue)?;
    folder.finish()
}

/// The npm package: the wasm module, its glue, and the hand-written files of crates/wasm/js.
fn package(project: &Project, wasm_bindgen: &WasmBindgen, profile: Profile) -> Result<()> {
    let folder = Folder::new(project, PACKAGE_FOLDER)?;
    let mut command = project.command(wasm_bindgen.program());
    command.arg(compile::module(project, VERIFY, profile)).arg("--out-dir").arg(&folder.partial);
    command.args(["--target", "web", "--out-name", "glue", "--no-typescript", "--remove-name-section"]);
    process::quietly(&mut command)?;
    if profile == Profile::Release {
        optimise(project, &folder.partial.join("glue_bg.wasm"))?;
    }
    let hand_written = project.root.join("crates/wasm/js");
    for entry in fs::read_dir(&hand_written).with_context(|| format!("cannot read {}", hand_written.display()))? {
        let entry = entry?;
        fs::copy(entry.path(), folder.partial.join(entry.file_name()))?;
    }
    folder.finish()
}

/// Runs wasm-opt over a module, in place.
fn optimise(project: &Project, module: &Path) -> Result<()> {
    let mut command = project.npm_tool("wasm-opt");
    command.arg(module).arg("-o").arg(module).arg("-O3");
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

/// A folder that is made anew beside its final place and then takes it, so that nobody ever sees half of it. Who
/// makes the same folder meanwhile waits.
struct Folder {
    _lock: File,
    partial: PathBuf,
    place: PathBuf,
}

impl Folder {
    fn new(project: &Project, name: &str) -> Result<Self> {
        let (place, partial) = (project.root.join(name), project.root.join(format!("{name}.partial")));
        fs::create_dir_all(place.parent().unwrap_or(&project.root)).context("cannot create the build folder")?;
        let lock = File::create(project.root.join(format!("{name}.lock"))).context("cannot create a lock file")?;
        lock.lock().context("cannot lock the build folder")?;
        remove(&partial)?;
        fs::create_dir(&partial).with_context(|| format!("cannot create {}", partial.display()))?;
        Ok(Self { _lock: lock, partial, place })
    }

    fn make(&self, name: &str) -> Result<PathBuf> {
        let path = self.partial.join(name);
        fs::create_dir(&path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(path)
    }

    fn finish(self) -> Result<()> {
        remove(&self.place)?;
        fs::rename(&self.partial, &self.place).with_context(|| format!("cannot create {}", self.place.display()))
    }
}

fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    Ok(())
}
