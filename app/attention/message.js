// How a message of the attention components is read.

function unpack(bytes) {
  // [u32 little-endian length of the header][header: JSON][body: one byte per attention weight]
  const length = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  header.body = bytes.subarray(4 + length);
  return header;
}
