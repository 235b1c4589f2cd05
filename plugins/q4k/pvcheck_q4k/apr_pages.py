"""What ``pv explain`` tells of the codes of the APR reader, and of those that stand for no format."""

from __future__ import annotations

from typing import Final

# code: (what the rule is, why it is held, what to do)
RULES: Final = {
    "MODEL-MAGIC": (
        "A model file starts with `GGUF`, or with `APR` and a zero byte.",
        "Anything else is a format that is not read here, or an archive or web page saved under the wrong name.",
        "Look at the first bytes (`head -c 64 FILE | xxd`) and fetch or convert the file again.",
    ),
    "MODEL-FORMAT": (
        "A model file is of the format that the contract declares for the input.",
        "The names of tensors differ between formats, so a contract is written for one; another file is a mix-up.",
        "Correct `format` in the contract's `inputs`, or give the file it means with `--input NAME=PATH`.",
    ),
    "APR-MAGIC": (
        "An APR file starts with the three letters `APR` and a zero byte.",
        "Files that start with `APR1` or `APR2` are other containers of that name, with another layout.",
        "Look at the first bytes (`head -c 64 FILE | xxd`) and convert the file with a current writer.",
    ),
    "APR-TRUNC": (
        "The header of 64 bytes, every entry of the index and the checksum at the end lie inside the file.",
        "A file that ends early is a download that stopped, or a length that lies.",
        "Compare the size and SHA-256 with the publisher's and fetch the file again.",
    ),
    "APR-VERSION": (
        "The major version is 2.",
        "Another one has another layout, and its fields would be read as what they are not.",
        "Convert the file with a writer of version 2.",
    ),
    "APR-CRC": (
        "The CRC-32 in the header is that of its bytes 0 to 40 and 44 to 64.",
        "A header with one changed bit points anywhere.",
        "The header is damaged or was edited by hand: fetch the file again.",
    ),
    "APR-FLAGS": (
        "The file is neither compressed (flags 0x1 and 0x2), encrypted (0x4), a shard (0x10) nor column-major (0x800).",
        "The bytes of such a file are not the weights, not all of them, or in an order that gives other products.",
        "Write the file again as one piece, row-major and without compression.",
    ),
    "APR-NTENSORS": (
        "There are at most 65,536 tensors, and as many as the index could describe (21 bytes each).",
        "A reader that allocates for a count before checking it can be made to ask for any amount of memory.",
        "The header is damaged or forged: fetch the file again.",
    ),
    "APR-METASIZE": (
        "The metadata has at most 16 MiB.",
        "It is read as a whole, so its size is the memory that a header can ask for.",
        "Leave large tables out of the metadata, or store them as tensors.",
    ),
    "APR-SECTION": (
        "The metadata starts at byte 64, the index at the next multiple of 64 after it, the data at the next after it.",
        "Sections that may lie anywhere can overlap, or leave bytes between them that hide anything.",
        "Write the file again.",
    ),
    "APR-PAD": (
        "The padding after a section or a tensor is zeros.",
        "Two files with the same tensors would differ in digest, and other bytes can hide anything.",
        "Write the file again.",
    ),
    "APR-JSON": (
        "The metadata is a JSON object with at most 1,048,576 commas, colons and opening brackets.",
        "Two readers can take broken JSON for two different values; a bound on its parts is a bound on memory.",
        "Write the metadata again with a JSON library.",
    ),
    "APR-DEPTH": (
        "The metadata is nested at most 32 deep.",
        "A reader that recurses can be made to run out of stack.",
        "Flatten the metadata.",
    ),
    "APR-DUPKEY": (
        "A key stands once in an object of the metadata.",
        "Some readers take the first of two values and some the last, so the file means two things.",
        "Remove one of the members.",
    ),
    "APR-NUMBER": (
        "A number in the metadata is finite in float64, and an integer has at most 20 characters.",
        "JSON has neither NaN nor infinities, and readers differ in what they make of a number they cannot hold.",
        "Write the number as text, or leave it out.",
    ),
    "APR-UTF8": (
        "The metadata and the names of tensors are UTF-8.",
        "Names that decode in several ways are several names.",
        "Write the file again with UTF-8 text.",
    ),
    "APR-NAME": (
        "A tensor name has 1 to 256 bytes and no NUL.",
        "Readers cut a longer name, or stop at a NUL, and two names become one.",
        "Rename the tensor.",
    ),
    "APR-ORDER": (
        "The index is sorted by name, each name once.",
        "Readers look a name up by halving; in an unsorted index they miss it, or find the other of two.",
        "Write the file again.",
    ),
    "APR-QTYPE": (
        "The type of a tensor is F32, F16, Q4_K, Q6_K or BF16, or one of APR's own (3 to 9, 128 and 129).",
        "How an unknown type packs its weights is unknown, and so is whether its size is right.",
        "Quantise the model again to a known type.",
    ),
    "APR-NDIMS": (
        "A tensor has at most 8 dimensions, and a quantised one has 1 or more.",
        "Readers hold dimensions in short arrays; more of them write past the end. A block needs a row to lie in.",
        "The index is damaged or forged: fetch the file again.",
    ),
    "APR-DIM": (
        "A dimension is from 1 to 2**63 - 1.",
        "A zero divides by zero elsewhere, and a larger number is negative to most readers.",
        "The index is damaged or forged: fetch the file again.",
    ),
    "APR-DIMOVF": (
        "The elements of a tensor and its bytes are fewer than 2**63.",
        "In 64 bits a larger product wraps around to a small one, and passes a check it should fail.",
        "The index is damaged or forged: fetch the file again.",
    ),
    "APR-SIZE": (
        "The size of a tensor is that of its rows, each padded to whole blocks (of 256 weights for Q4_K and Q6_K).",
        "A size that does not fit the shape means that rows start elsewhere than a reader thinks.",
        "Write the tensor again, row by row.",
    ),
    "APR-ALIGN": (
        "Each tensor starts at a multiple of 64 bytes from the start of the data.",
        "Readers map tensors straight into vectors and rely on it.",
        "Write the file again.",
    ),
    "APR-BOUNDS": (
        "The data of every tensor and its padding end before the checksum of four bytes at the end of the file.",
        "Else its last weights are whatever follows in memory, or a crash.",
        "Compare the size with the publisher's: the download most often stopped early.",
    ),
    "APR-OVERLAP": (
        "No two tensors share bytes.",
        "Shared bytes are a forged index or a broken writer: a change to one tensor changes another.",
        "Write the file again.",
    ),
    "APR-GAP": (
        "Each tensor starts where another one ends, rounded up to 64 bytes, and the first where the data starts.",
        "Bytes that no tensor owns can hide anything, and two files with the same tensors differ in digest.",
        "Write the file again.",
    ),
    "APR-TRAIL": (
        "The file ends with the checksum, right after the padding of the last tensor.",
        "A second file can be hidden in what follows, or a tensor that the count left out.",
        "Cut the file, or write it again.",
    ),
    "APR-CHECKSUM": (
        "The last four bytes are the CRC-32 of all before them.",
        (
            "A file that differs from what its writer wrote has other weights. Only `pv model show --digest` reads all "
            "of a file to look; a measurement goes by the SHA-256 that the contract declares."
        ),
        "Compare the SHA-256 with the publisher's and fetch the file again.",
    ),
}
