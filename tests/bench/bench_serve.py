#!/usr/bin/python3
"""What a review costs the server, next to nginx that reads the same body and answers a constant.

CPU time of the whole process for each request, from the kernel's own account (schedstat), over TLS on four open
connections; one worker each, taking turns in one run. "no review" is a body that is refused at its first byte: what
HTTP and TLS cost alone. Only the ratios mean something: the machine may be busy.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

from harness import REVIEWS, Server, free_port, run, until

ROUNDS, SECONDS = 3, 2
REVIEW = (REVIEWS / "ollama-inference.json").read_bytes()
ANSWER = 800                                    # bytes, about what a mutated review is answered with
LEFT_ALONE = REVIEW.replace(b'"castops.io/optimize": "true"', b'"castops.io/optimize": "no!!"')
assert LEFT_ALONE != REVIEW

# `return` would throw the body away unread; the mirror has it read first, as whoever answers it must.
NGINX = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ }}
http {{
  access_log off; keepalive_requests 1000000000; client_body_buffer_size 64k; open_file_cache max=10;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder}; uwsgi_temp_path {folder};
  scgi_temp_path {folder};
  server {{
    listen unix:{folder}/unused; listen 127.0.0.1:{port} ssl;
    ssl_certificate {folder}/tls.crt; ssl_certificate_key {folder}/tls.key; ssl_protocols TLSv1.3;
    root {folder};
    location = /mutate {{ mirror /nowhere; error_page 405 =200 /answer; try_files /answer =404; }}
    location = /nowhere {{ internal; return 204; }}
  }}
}}
"""


def processes(process):
    """The process and its children: nginx works in one."""
    children = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split()
    return [process.pid, *map(int, children)]


def cpu_ns(process):
    return sum(int((task / "schedstat").read_text().split()[0]) for pid in processes(process)
               for task in pathlib.Path(f"/proc/{pid}/task").iterdir())


def cost(process, port, script, refused):
    """Microseconds of CPU for each request."""
    before = cpu_ns(process)
    told = subprocess.run(["wrk", "-t1", "-c4", f"-d{SECONDS}s", "-s", script, f"https://127.0.0.1:{port}/mutate"],
                          capture_output=True, text=True, check=True).stdout
    spent = cpu_ns(process) - before
    assert ("Non-2xx" in told) == refused, told
    return spent / int(re.search(r"(\d+) requests in", told)[1]) / 1000


def request(folder, name, body):
    """A script for wrk that posts `body`."""
    (folder / f"{name}.json").write_bytes(body)
    script = folder / f"{name}.lua"
    script.write_text(f'wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\n'
                      f'wrk.body = io.open("{folder}/{name}.json", "rb"):read("a")\n')
    return script


def start_nginx(folder):
    port = free_port()
    (folder / "answer").write_text("x" * ANSWER)
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=port))
    process = subprocess.Popen(["nginx", "-e", folder / "error.log", "-p", folder, "-c", folder / "nginx.conf"])
    until(lambda: (folder / "unused").exists() or process.poll() is not None, "nginx to listen")
    assert process.poll() is None, "nginx does not start"
    return process, port


def main(folder):
    folder.chmod(0o755)                         # nginx's worker is another user
    run("certificate", "--output", folder, "--force")
    nginx, port = start_nginx(folder)
    scripts = {name: request(folder, name, body) for name, body in
               (("mutated", REVIEW), ("left-alone", LEFT_ALONE), ("no-review", b"}" + REVIEW[1:]))}
    costs = {}
    try:
        with Server("--certificate", folder / "tls.crt", "--key", folder / "tls.key", "--threads", "1") as server:
            ours = server.process, server.webhook_port
            for _ in range(ROUNDS):
                for row in (("nginx, a constant", nginx, port, scripts["mutated"], False),
                            ("castslice, no review", *ours, scripts["no-review"], True),
                            ("castslice, left alone", *ours, scripts["left-alone"], False),
                            ("castslice, mutated", *ours, scripts["mutated"], False)):
                    costs.setdefault(row[0], []).append(cost(*row[1:]))
    finally:
        nginx.terminate()
        nginx.wait(30)
    least = min(costs["nginx, a constant"])
    for name, each in costs.items():
        print(f"{name:24} {min(each):6.1f} us {min(each) / least:5.2f} times nginx")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        sys.exit(main(pathlib.Path(name)))
