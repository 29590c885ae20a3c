import importlib
import importlib.util
import json
import os
import sys
import warnings

project, old, new, file, original = sys.argv[1:6]
sys.path.insert(0, project)


def load(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return sys.modules[name]


def names(module):
    own = getattr(module, "__name__", None)
    return sorted(
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and type(value).__name__ != "module"
        and (not callable(value) or getattr(value, "__module__", own) in (own, None))
    )


found = {"same": False, "warned": False, "names": [], "original": None, "problem": None}
try:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        through = load(old, file)
    found["warned"] = any(w.category is DeprecationWarning for w in told)
    direct = importlib.import_module(new)
    found["same"] = through is direct
    found["names"] = names(direct)
    path = os.path.join(project, original)
    if os.path.exists(path):
        found["original"] = names(load("the_old_file", path))
except BaseException as error:
    found["problem"] = f"{type(error).__name__}: {error}"
print(json.dumps(found))
