// Package endpoints is the Endpoints controller: for every Service with a selector it keeps one Endpoints object with the
// addresses of the selected pods, ready and not ready, by port. The kind is deprecated in favour of EndpointSlice, but
// every cluster still maintains it, and it shows in what clients and the store have to bear.
//
// subsets.go packs addresses and ports as upstream does, hash order included; controller.go writes the result.
package endpoints
