"""The pages that ``pv explain`` prints for the codes of the model readers; the rules of GGUF are told here."""

from __future__ import annotations

from typing import Final

from pvcheck_q4k import apr_pages

# code: (what the rule is, why it is held, what to do)
_RULES: Final = {
    "GGUF-MAGIC": (
        "A GGUF file starts with the four bytes `GGUF`.",
        "Anything else is another format, often an archive or a web page saved under the wrong name.",
        "Look at the first bytes (`head -c 64 FILE | xxd`) and fetch or convert the file again.",
    ),
    "GGUF-VERSION": (
        "The version is 2 or 3, little-endian.",
        "Version 1 has other field widths; a version that looks byte-swapped is a big-endian file.",
        "Convert the file with a current converter on a little-endian target.",
    ),
    "GGUF-TRUNC": (
        "Every field that the header announces lies inside the file.",
        "A header that ends early is a download that stopped, or a count that lies.",
        "Compare the size and SHA-256 with the publisher's and fetch the file again.",
    ),
    "GGUF-NTENSORS": (
        "There are at most 65,536 tensors, and as many as the bytes that are left could describe (33 bytes each).",
        "A reader that allocates for a count before checking it can be made to ask for any amount of memory.",
        "The header is damaged or forged: fetch the file again.",
    ),
    "GGUF-NKV": (
        "There are at most 65,536 metadata entries, and as many as the bytes that are left could hold (14 each).",
        "A reader that allocates for a count before checking it can be made to ask for any amount of memory.",
        "The header is damaged or forged: fetch the file again.",
    ),
    "GGUF-KEY": (
        "A metadata key has at least one character and no NUL.",
        "Two readers can take such a key for two different ones.",
        "Write the file again with proper keys.",
    ),
    "GGUF-STRLEN": (
        "A string has at most 16 MiB (a key 65,535 bytes) and ends inside the file.",
        "A length that is believed unchecked reads past the end or wraps around.",
        "The header is damaged or forged: fetch the file again.",
    ),
    "GGUF-UTF8": (
        "Keys, names and string values are UTF-8. (The strings of arrays, such as a vocabulary, are not decoded.)",
        "Names that decode in several ways are several names.",
        "Write the file again with UTF-8 text.",
    ),
    "GGUF-DUPKEY": (
        "A metadata key stands once.",
        "Some readers take the first of two values and some the last, so the file means two things.",
        "Remove one of the entries.",
    ),
    "GGUF-TYPE": (
        "The type of a metadata value is a number from 0 (u8) to 12 (f64).",
        "The size of an unknown type is unknown, and so is everything after it.",
        "The header is damaged, or newer than this reader.",
    ),
    "GGUF-BOOL": (
        "A bool is a byte 0 or 1.",
        "Other bytes are true to one reader and undefined behaviour to another.",
        "Write the file again.",
    ),
    "GGUF-ARRTYPE": (
        "The items of an array are numbers, bools or strings.",
        "Arrays of arrays can be nested until a reader's stack ends; nothing that is published uses them.",
        "Flatten the array, or leave it out.",
    ),
    "GGUF-ARRLEN": (
        "An array has at most 16,777,216 items.",
        "A forged length makes a reader loop or allocate without bound.",
        "The header is damaged or forged: fetch the file again.",
    ),
    "GGUF-ALIGN": (
        "`general.alignment` is a u32, a power of two from 8 to 65,536; tensor offsets are multiples of it.",
        "Readers round offsets with it: 0 divides by zero, a huge one wraps around.",
        "Write the file again with the default alignment of 32.",
    ),
    "GGUF-NAME": (
        "A tensor name has 1 to 63 bytes and no NUL.",
        "Programs hold it in 64 bytes with a NUL at the end; a longer one is cut, and two names become one.",
        "Rename the tensor.",
    ),
    "GGUF-DUPTENSOR": (
        "A tensor name stands once.",
        "Which of the two is measured would depend on the reader.",
        "Rename or remove one of them.",
    ),
    "GGUF-NDIMS": (
        "A tensor has 1 to 4 dimensions.",
        "Readers hold dimensions in arrays of four; more of them write past the end.",
        "The header is damaged or forged: fetch the file again.",
    ),
    "GGUF-DIM": (
        "A dimension is from 1 to 2**63 - 1.",
        "A zero divides by zero elsewhere, and a larger number is negative to most readers.",
        "The header is damaged or forged: fetch the file again.",
    ),
    "GGUF-DIMOVF": (
        "The elements of a tensor and its bytes are fewer than 2**63.",
        "In 64 bits a larger product wraps around to a small one, and passes a check it should fail.",
        "The header is damaged or forged: fetch the file again.",
    ),
    "GGUF-QTYPE": (
        "The type of a tensor is one that ggml has today.",
        "The block size of a removed or unknown type is not known, so neither is where the tensor ends.",
        "Quantise the model again to a current type.",
    ),
    "GGUF-BLOCK": (
        "The row length, the first dimension, is a multiple of the type's block length (256 for Q4_K).",
        "Else a block holds weights of two rows.",
        "Quantise the tensor to a type with smaller blocks.",
    ),
    "GGUF-BOUNDS": (
        "The data of every tensor ends inside the file.",
        "Else its last weights are whatever follows in memory, or a crash.",
        "Compare the size with the publisher's: the download most often stopped early.",
    ),
    "GGUF-OVERLAP": (
        "No two tensors share bytes, and they lie in the order of the header.",
        "Shared bytes are a forged header or a broken writer: a change to one tensor changes another.",
        "Write the file again.",
    ),
    "GGUF-GAP": (
        "Each tensor starts where the one before it ends, rounded up to the alignment.",
        "Bytes that no tensor owns can hide anything, and two files with the same tensors differ in digest.",
        "Write the file again.",
    ),
    "GGUF-TRAIL": (
        "Nothing follows the last tensor and its padding.",
        "A second file can be hidden there, or a tensor that the count left out.",
        "Cut the file, or write it again.",
    ),
}

PAGES: Final = {
    code: f"# {code}\n\n{rule}\n\n**Why it is refused.** {why}\n\n**What to do.** {remedy}\n"
    for code, (rule, why, remedy) in (_RULES | apr_pages.RULES).items()
}
"""A page in Markdown for each code that ``ModelFileError`` can carry."""
