"""What is wrong with XML that cannot be read, in words of our own: the parser's would repeat what stands in the file."""

from __future__ import annotations

from typing import Any

SAFE: dict[str, Any] = {"resolve_entities": False, "no_network": True, "huge_tree": False, "load_dtd": False}
"""How every reader parses XML: no entities, no network, no document that grows as it is read."""

_SAID = {
    "ERR_DOCUMENT_EMPTY": "there is no element in it",
    "ERR_DOCUMENT_END": "something stands after its end",
    "ERR_TAG_NOT_FINISHED": "it breaks off before its end",
    "ERR_CDATA_NOT_FINISHED": "it breaks off before its end",
    "ERR_COMMENT_NOT_FINISHED": "it breaks off before its end",
    "ERR_RESERVED_XML_NAME": "its first line, `<?xml`, does not stand first",
    "ERR_RESOURCE_LIMIT": "it is nested too deeply, or one text in it is far too long",
    "ERR_TAG_NAME_MISMATCH": "an element is closed by the name of another",
    "ERR_GT_REQUIRED": "a tag is not closed with `>`",
    "ERR_LTSLASH_REQUIRED": "an element is not closed",
    "ERR_NAME_REQUIRED": "a `<` or `&` stands where text should; in text they are written `&lt;` and `&amp;`",
    "ERR_ENTITYREF_SEMICOL_MISSING": "an `&` stands where text should; in text it is written `&amp;`",
    "ERR_UNDECLARED_ENTITY": "an `&` begins a name that is not defined; in text it is written `&amp;`",
    "ERR_INVALID_CHAR": "it holds a character that XML does not allow",
    "ERR_INVALID_CHARREF": "it names a character that XML does not allow",
    "ERR_INVALID_ENCODING": "its characters are not of the encoding that it names",
    "ERR_UNSUPPORTED_ENCODING": "it names an encoding that is not known",
    "ERR_UNKNOWN_ENCODING": "it names an encoding that is not known",
    "ERR_ATTRIBUTE_WITHOUT_VALUE": "an attribute has no value",
    "ERR_ATTRIBUTE_NOT_STARTED": "the value of an attribute is not in quotes",
    "ERR_ATTRIBUTE_NOT_FINISHED": "the value of an attribute is not closed",
    "ERR_ATTRIBUTE_REDEFINED": "an attribute stands twice in one tag",
    "NS_ERR_UNDEFINED_NAMESPACE": "a name begins with a prefix that is not declared",
}


def not_well_formed(error: Any) -> str:
    """The mistake that an `lxml.etree.XMLSyntaxError` is about."""
    from lxml import etree

    name = etree.ErrorTypes._getName(error.code, "") if isinstance(error.code, int) else ""
    return f"the file is not well-formed XML: {_SAID.get(name, 'it cannot be read from this place on')}"
