package protojson

import _ "google.golang.org/protobuf/encoding/protojson" // want `protojson: import of google.golang.org/protobuf/encoding/protojson`
