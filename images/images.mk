# The images: how they are generated, built, tried, tested, tagged and pushed.
# Included by the Makefile; the targets are those of docker-stacks and its heirs.
#
#   make build/desktop REPO=registry.example.org/team TAG=mine DARGS=--no-cache

REPO      ?= localhost/lucarne
# As a tag can have it: what begins with a letter, a digit or _, and has 128 of them at most.
BRANCH    := $(or $(shell git rev-parse --abbrev-ref HEAD 2>/dev/null | tr -c 'A-Za-z0-9_.\n' - | sed 's/^[.-]*//' | cut -c 1-128),unknown)
TAG       ?= $(BRANCH)
DARGS     ?=
CONTAINER ?= $(shell command -v podman || command -v docker || echo podman)
# The image to tag and push, where it is not the one just built.
SOURCE_FULL_IMAGE_NAME ?= $(REPO)/$(notdir $@):$(TAG)

IMAGES := $(shell sed 's/\#.*//' images/IMAGES | awk 'NF { print $$1 }')
# In a pattern rule: ends with a line that names the image where there is none of it.
KNOWN   = $(if $(filter $(notdir $@),$(IMAGES)),,$(error there is no image "$(notdir $@)"; there are: $(IMAGES)))

# What an image says of itself. x264 in the binary puts that as a whole under the GPL.
LABELS  = --build-arg VERSION=$(VERSION) --build-arg REVISION=$(COMMIT) \
	--build-arg LICENSES=$(if $(findstring nox264,$(TAGS)),MIT,GPL-3.0-or-later)

# The tests, of what is built: $(call test-images,PODMAN,IMAGE ...,REFERENCE with NAME for an image's).
test-images = CONTAINER=$1 LUCARNE_IMAGES='$2' LUCARNE_IMAGE_AS=$3 go run ./scripts/testreport .ci/skips \
	"go test -json -count=1 -timeout 20m -tags=netgo,osusergo,images$(TAGS:%=,%) -run ^TestImage ./cmd/lucarne/e2e"

# What make test-images builds, and from what: a Debian, and for the images that are on
# CUDA's an Ubuntu where its archive can be reached, that need no registry. VirtualGL and
# JupyterLab come from elsewhere; the tests say what is not there.
TEST_IMAGES     = base desktop geomatics $(if $(TEST_UBUNTU),desktop-gpu-cuda)
TEST_UBUNTU     = $(shell podman image exists $(TEST_BASES):jammy && echo $(TEST_BASES):jammy)
TEST_BASES     := localhost/lucarne-base
TEST_REPO      := localhost/lucarne-test
TEST_ARGS      := --build-arg VIRTUALGL=no --build-arg JUPYTERLAB=no
IMAGE_PACKAGES := podman runc uidmap containernetworking-plugins mmdebstrap docker-registry
test-base       = $(TEST_BASES):$(if $(filter %-cuda,$1),jammy,bookworm)

.PHONY: generate-dockerfiles checksums images-list test-images test-images-on-bases clean-images

test-images: export CONTAINERS_CONF := $(CURDIR)/images/containers.conf
test-images: packages-test build generate-dockerfiles ## Build images on bases made here, and start them in every way
	@scripts/need $(IMAGE_PACKAGES)
	for release in bookworm trixie; do images/make-base podman $$release $(TEST_BASES):$$release || exit 1; done
	images/make-base podman jammy $(TEST_BASES):jammy || true
	@podman run --rm --network none --pull never $(TEST_BASES):bookworm true || \
		{ echo "test-images: containers cannot run on this machine" >&2; exit 1; }
	@$(MAKE) test-images-on-bases

test-images-on-bases: export LUCARNE_OTHERS = $(TEST_BASES):trixie $(TEST_UBUNTU)
test-images-on-bases: ## What comes after the bases
	$(foreach name,$(TEST_IMAGES),images/build podman $(name) $(TEST_REPO)/$(name):test \
		--build-arg BASE_IMAGE=$(call test-base,$(name)) $(LABELS) $(TEST_ARGS) $(DARGS) &&) true
	$(call test-images,podman,$(TEST_IMAGES),$(TEST_REPO)/NAME:test)

clean-images: ## Remove what make test-images has built, its base included
	-podman image rm --force $(TEST_IMAGES:%=$(TEST_REPO)/%:test) $(foreach release,bookworm trixie jammy,$(TEST_BASES):$(release))

generate-dockerfiles: ## Write images/output from images/IMAGES and images/pieces
	go run ./images/generate

checksums: ## Compute images/CHECKSUMS and jupyterlab.lock from the real files; needs a network
	images/compute-checksums

images-list: ## Name the images
	@printf '%s\n' $(IMAGES)

build/%: build generate-dockerfiles ## Build it by podman or docker; REPO, TAG, CONTAINER, DARGS
	$(KNOWN)images/build $(CONTAINER) $(notdir $@) $(REPO)/$(notdir $@):$(TAG) \
		$(LABELS) $(DARGS)

dev/%: ## Start it and print the link; PORT
	$(KNOWN)images/dev $(CONTAINER) $(REPO)/$(notdir $@):$(TAG)

test/%: packages-test build ## Start it as platforms do, in their worst moods
	$(KNOWN)$(call test-images,$(CONTAINER),$(notdir $@),$(REPO)/NAME:$(TAG))

sbom/%: ## List what is in it as SPDX, in bin/IMAGE.spdx.json
	$(KNOWN)go run ./images/sbom $(CONTAINER) $(REPO)/$(notdir $@):$(TAG) > bin/$(notdir $@).spdx.json || \
		{ rm bin/$(notdir $@).spdx.json; exit 1; }

post-build/%: ## Tag it: commit, its first 7 digits, branch, latest, v1
	$(KNOWN)for tag in $(COMMIT) $$(echo $(COMMIT) | cut -c 1-7) $(BRANCH) latest v1; do \
		$(CONTAINER) tag $(SOURCE_FULL_IMAGE_NAME) $(REPO)/$(notdir $@):$$tag || exit 1; done

pull/%: ## Fetch it from REPO
	$(KNOWN)$(CONTAINER) pull $(REPO)/$(notdir $@):$(TAG)

push/%: ## Push these five tags to REPO
	$(KNOWN)for tag in $(COMMIT) $$(echo $(COMMIT) | cut -c 1-7) $(BRANCH) latest v1; do \
		$(CONTAINER) push $(REPO)/$(notdir $@):$$tag || exit 1; done
