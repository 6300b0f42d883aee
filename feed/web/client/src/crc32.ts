const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** Return the CRC32 of a text of ASCII characters. */
export function crc32(text: string): number {
  let value = ~0;
  for (let index = 0; index < text.length; index++) {
    value = (value >>> 8) ^ TABLE[(value ^ text.charCodeAt(index)) & 0xff]!;
  }
  return ~value >>> 0;
}
