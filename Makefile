# Lucarne's two commands: make run, make test. Both install what is missing on
# Debian 12 and need nothing but Go, git and make to begin with; a second time
# they work without a network.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
# Each target installs, builds or measures; two at once would be in each other's way.
.NOTPARALLEL:

# What is installed, by name. libvpx, x264, libyuv and libjpeg-turbo go into the binary.
BUILD_PACKAGES := gcc g++ libc6-dev libvpx-dev libx264-dev libyuv-dev libturbojpeg0-dev
RUN_PACKAGES   := tigervnc-standalone-server openbox xterm xfonts-base x11-apps
TEST_PACKAGES  := tigervnc-standalone-server xvfb xserver-xorg-core xserver-xorg-video-dummy x11vnc websockify novnc x11-xkb-utils \
                  x11-xserver-utils xterm l3afpad featherpad xfonts-base xclip libavcodec-dev ffmpeg nginx-light coturn apache2-bin haproxy chromium firefox-esr \
                  jupyterhub node-configurable-http-proxy dbus pulseaudio libnss-wrapper tini shellcheck curl ruby \
                  python3-setuptools python3-wheel docker-compose
NODE_PACKAGES  := $(shell node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)' 2>/dev/null && npm --version >/dev/null 2>&1 || echo nodejs npm)

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
COMMIT  := $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
# netgo and osusergo: names and users are looked up in Go, so that the binary
# needs no NSS libraries. For all, so that builds with and without cgo share
# what they compile. The commit comes from above: Go's own stamp fails in a
# checkout of another user's. TAGS=nox264 leaves x264 out.
export GOFLAGS := -trimpath -buildvcs=false -tags=netgo,osusergo$(TAGS:%=,%)

# go-nvml declares what NVIDIA has deprecated, some 70 times.
export CGO_CFLAGS := -O2 -g -Wno-deprecated-declarations

PAGE     := web/dist/index.html
PAGE_SRC := $(shell find web -path web/node_modules -prune -o -path web/dist -prune -o -type f -print)
# All packages but the browser tests; the shell that runs the command makes words
# of it, so it may stand in single quotes.
UNIT      = $$(go list ./... | grep -v /e2e$$)
# Those with benchmarks.
BENCHED   = $$(grep -rl '^func Benchmark' --include='*_test.go' --exclude-dir=node_modules . | xargs -n 1 dirname | sort -u)
FUZZTIME ?= 30s

.PHONY: help run test build web lint fuzz bench bench-links bench-idle bench-selftest clean packages packages-run packages-test

help: ## Say what there is
	@sed -n 's|^\([a-z-]*\)\(/%\)\{0,1\}:.*## \(.*\)|make \1\2\t\3|; s|/%\t|/IMAGE\t|; /^make .*\t/p' $(MAKEFILE_LIST) | expand -t 27

run: packages-run build ## Start a light desktop and print the link to open
	bin/lucarne up --session 'ico -faces -sleep 0.03 & xterm & exec openbox' $(ARGS)

test: packages-test build ## Run all tests, those in a browser included
	go mod verify
	@# By -trimpath checkouts share what cgo has written, also with one that is gone.
	go vet ./... || go vet -trimpath=false ./...
	cd web && npm run --silent check && npm run --silent test
	go run ./scripts/testreport .ci/skips \
		'go test -json -race $(UNIT)' \
		'CGO_ENABLED=0 go test -json $(UNIT)' \
		'go test -json -count=1 -timeout 30m ./cmd/lucarne/e2e'

build: packages $(PAGE) ## Write bin/lucarne
	go build -ldflags "-s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT)" -o bin/lucarne ./cmd/lucarne

web: packages $(PAGE) ## Build the page that goes into the binary

$(PAGE): web/node_modules/.package-lock.json $(PAGE_SRC)
	cd web && npm run --silent build
	@touch $@

web/node_modules/.package-lock.json: web/package-lock.json
	cd web && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

lint: packages-test web ## gofmt, go vet, staticcheck, the TypeScript compiler
	@files=$$(gofmt -l $$(find . -name node_modules -prune -o -name '*.go' -print)); \
		[ -z "$$files" ] || { echo "gofmt:" $$files; exit 1; }
	go vet ./...
	go tool staticcheck ./...
	go vet -tags=netgo,osusergo,gpu ./encode/nvenc/...
	go tool staticcheck -tags=gpu ./encode/nvenc/...
	go vet -tags=netgo,osusergo,images ./cmd/lucarne/e2e
	go tool staticcheck -tags=images ./cmd/lucarne/e2e
	cd web && npm run --silent check

fuzz: web ## Run each fuzz target for FUZZTIME (30s)
	@set -e; for file in $$(grep -rl '^func Fuzz' --include='*_test.go' --exclude-dir=node_modules .); do \
		for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' $$file); do \
			echo "$$target in $$(dirname $$file)"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $$(dirname $$file); \
		done; \
	done

bench: packages-test build ## Benchmarks of the packages, then damage to pixel against the floor and TigerVNC
	go test -run '^$$' -bench . -benchtime 20ms -benchmem $(BENCHED)
	bin/lucarne perf run --scenario flip,key,scroll,scene,neighbour,idle --against floor,vnc --length 2s --idle 3s $(ARGS)

bench-links: packages-test build ## Over emulated networks, as root: the paths, the first pixel, resuming, a bitrate too high
	bin/lucarne perf run --link lan --scenario flip,scene,settle --against ws --length 3s --out perf-out/paths $(ARGS)
	bin/lucarne perf run --link lan --scenario first-frame,switch --transport auto --against image --out perf-out/begin $(ARGS)
	bin/lucarne perf run --link lan --scenario resume --transport auto --against webrtc,ws --reps 10 --out perf-out/resume $(ARGS)
	bin/lucarne perf run --link lan --scenario outage --transport auto --against ws --reps 3 --out perf-out/outage $(ARGS)
	bin/lucarne perf run --link wan --scenario flip,key,scene --against vnc,ws --length 3s --out perf-out/wan $(ARGS)
	bin/lucarne perf run --link wan --scenario scene --against 20M,30M --length 6s --out perf-out/bitrate $(ARGS)
	bin/lucarne perf run --link wan --scenario scene --against 20M,30M --length 6s --transport ws --out perf-out/bitrate-ws $(ARGS)

bench-idle: packages-run build ## Twelve idle desktops: memory and CPU each, without a viewer and with a hidden one
	bin/lucarne perf idle $(ARGS)
	bin/lucarne perf idle --paused $(ARGS)

bench-selftest: packages-test web ## Show that a measurement can fail: agents with one fault each
	go run ./perf/selftest $(ARGS)

clean: ## Remove what was built
	rm -rf bin web/node_modules
	find web/dist -mindepth 1 ! -name .gitignore -delete

packages:
	@scripts/need $(BUILD_PACKAGES) $(NODE_PACKAGES)

packages-run:
	@scripts/need $(BUILD_PACKAGES) $(NODE_PACKAGES) $(RUN_PACKAGES)

packages-test:
	@scripts/need $(BUILD_PACKAGES) $(NODE_PACKAGES) $(TEST_PACKAGES)

include images/images.mk
