"""Manifests as users write them, built from one Pod template, for scenarios to create."""


def container(name="main", gpus=1, **fields):
    """One that asks for `gpus` whole GPUs, the way users do: in its limits only."""
    resources = {"resources": {"limits": {"nvidia.com/gpu": str(gpus)}}} if gpus else {}
    return {"name": name, "image": "registry.example/app:1", **resources, **fields}


def template(*containers, annotations=None, labels=None, **spec):
    return {"metadata": {"labels": {"app": "app", **(labels or {})}, "annotations": annotations or {}},
            "spec": {"containers": list(containers) or [container()], **spec}}


def optimized(**annotations):
    """The opt-in and more: optimized(slice_ratio="4", workload_type="dev")."""
    return {"castops.io/optimize": "true", **{f"castops.io/{k.replace('_', '-')}": v for k, v in annotations.items()}}


def pod(name, *containers, annotations=None, **spec):
    made = template(*containers, annotations=annotations, **spec)
    return {"apiVersion": "v1", "kind": "Pod", **made, "metadata": {"name": name, **made["metadata"]}}


def workload(kind, name, made, replicas=1):
    """A Deployment, StatefulSet, DaemonSet, ReplicaSet, Job, CronJob or Pod with this Pod template."""
    if kind == "Pod":
        return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, **made["metadata"]}, "spec": made["spec"]}
    if kind in ("Job", "CronJob"):
        made = {**made, "spec": {**made["spec"], "restartPolicy": "Never"}}
        job = {"template": made, "backoffLimit": 0}
        spec = job if kind == "Job" else {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": job}}
        return {"apiVersion": "batch/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}
    spec = {"selector": {"matchLabels": {"app": "app"}}, "template": made}
    if kind != "DaemonSet":
        spec["replicas"] = replicas
    if kind == "StatefulSet":
        spec["serviceName"] = name
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def gpus_of(pod, resource="nvidia.com/gpu"):
    """What each container of a stored Pod has of `resource`, as {name: (limit, request)}; none: left out."""
    found = {}
    for c in pod["spec"].get("initContainers", []) + pod["spec"]["containers"]:
        resources = c.get("resources", {})
        pair = resources.get("limits", {}).get(resource), resources.get("requests", {}).get(resource)
        if pair != (None, None):
            found[c["name"]] = pair
    return found


def shares_of(pod):
    return gpus_of(pod, "nvidia.com/gpu-shared")


def shares(**containers):
    """What shares_of() gives for these: limit and request equal, as text."""
    return {name: (str(count), str(count)) for name, count in containers.items()}
