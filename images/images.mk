# The images: how they are generated, built, tried, tested, tagged and pushed.
# Included by the Makefile; the targets are those of docker-stacks and its heirs.
#
#   make build/desktop REPO=registry.example.org/team TAG=mine DARGS=--no-cache

REPO      ?= localhost/lucarne
BRANCH    := $(shell git rev-parse --abbrev-ref HEAD 2>/dev/null | tr -c 'A-Za-z0-9_.\n' -)
TAG       ?= $(BRANCH)
DARGS     ?=
CONTAINER ?= $(shell command -v podman || command -v docker || echo podman)
# The image to tag and push, where it is not the one just built.
SOURCE_FULL_IMAGE_NAME ?= $(REPO)/$(notdir $@):$(TAG)

IMAGES := $(shell sed 's/\#.*//' images/IMAGES | awk 'NF { print $$1 }')
# In a pattern rule: ends with a line that names the image where there is none of it.
KNOWN   = $(if $(filter $(notdir $@),$(IMAGES)),,$(error there is no image "$(notdir $@)"; there are: $(IMAGES)))

.PHONY: generate-dockerfiles checksums images-list

generate-dockerfiles: ## Write images/output from images/IMAGES and images/pieces
	go run ./images/generate

checksums: ## Compute images/CHECKSUMS and jupyterlab.lock from the real files; needs a network
	images/compute-checksums

images-list: ## Name the images
	@printf '%s\n' $(IMAGES)

build/%: build generate-dockerfiles
	$(KNOWN)$(CONTAINER) build $(DARGS) --build-arg IMAGE=$(notdir $@) --build-arg VERSION=$(VERSION) --build-arg REVISION=$(COMMIT) \
		--file images/output/$(notdir $@)/Dockerfile --tag $(REPO)/$(notdir $@):$(TAG) .

dev/%: ## dev/IMAGE starts it and prints the link
	$(KNOWN)images/dev $(CONTAINER) $(REPO)/$(notdir $@):$(TAG)

post-build/%:
	$(KNOWN)for tag in $(COMMIT) $$(echo $(COMMIT) | cut -c 1-7) $(BRANCH) latest v1; do \
		$(CONTAINER) tag $(SOURCE_FULL_IMAGE_NAME) $(REPO)/$(notdir $@):$$tag || exit 1; done

pull/%:
	$(KNOWN)$(CONTAINER) pull $(REPO)/$(notdir $@):$(TAG)

push/%:
	$(KNOWN)for tag in $(COMMIT) $$(echo $(COMMIT) | cut -c 1-7) $(BRANCH) latest v1; do \
		$(CONTAINER) push $(REPO)/$(notdir $@):$$tag || exit 1; done
