// Package backup writes the state of a store to a real file and reads it back. It is the one place where the store's
// content is serialised.
//
// # The file
//
// All numbers are big-endian; a string is its length in four bytes and its bytes.
//
//	"fauxkube-etcd-1\n"                                16 bytes
//	when it was taken, nanoseconds since 1970          8 bytes; 0 is not known
//	revision, compact revision                         8 bytes each
//	number of leases, then of each: id, time to live   8 bytes each
//	number of revisions                                8 bytes, then of each:
//	    key                                            string
//	    create, mod revision, version, lease           8 bytes each; version 0 is a deletion
//	    codec of the value                             1 byte: 0 none, 1 bytes, 2 what the codec made of it
//	    value                                          string, unless none
//	    CRC-32C of the revision up to here             4 bytes
//	SHA-256 of everything before                       32 bytes, the end of the file
//
// What the codec makes of an object of the API is what an API server keeps in a real etcd: protobuf in the envelope that
// begins with "k8s\x00".
//
// Reading checks the length, the checksums, and that the revisions follow each other; what does not fit is refused as a
// whole, with the reason.
//
// Members, terms and the position in the log are not part of a backup: it is restored into a new cluster.
package backup
