// Runs a student's Core ML file on the test vectors and compares the embeddings. On a Mac, in this folder:
//     swift CheckCoreML.swift ../@FILE@ .
import CoreML
import CoreVideo
import Foundation

let side = @SIDE@, width = @WIDTH@

/// Lowest cosine between what `file` says of the vectors in `folder` and what the student said; @LEAST@ is enough for @FILE@.
func lowestCosine(file: URL, folder: URL) throws -> Float {
    let pixels = [UInt8](try Data(contentsOf: folder.appendingPathComponent("@INPUTS@")))
    let wanted = floats(try Data(contentsOf: folder.appendingPathComponent("embeddings.f32")))
    let model = try MLModel(contentsOf: MLModel.compileModel(at: file))
    return try (0..<@FACES@).map { face in
        let crop = Array(pixels[face * side * side * 3..<(face + 1) * side * side * 3])
        let input = try MLDictionaryFeatureProvider(dictionary: ["planes": MLFeatureValue(pixelBuffer: picture(crop))])
        let given = try model.prediction(from: input).featureValue(for: "embedding")!.multiArrayValue!
        return (0..<width).reduce(Float(0)) { $0 + given[$1].floatValue * wanted[face * width + $1] }
    }.min()!  // both sides have length 1
}

/// Bytes of red, green and blue as Core ML takes pictures: blue, green, red and a fourth.
func picture(_ crop: [UInt8]) -> CVPixelBuffer {
    var made: CVPixelBuffer?
    CVPixelBufferCreate(nil, side, side, kCVPixelFormatType_32BGRA, nil, &made)
    let buffer = made!
    CVPixelBufferLockBaseAddress(buffer, [])
    defer { CVPixelBufferUnlockBaseAddress(buffer, []) }
    let bytes = CVPixelBufferGetBaseAddress(buffer)!.assumingMemoryBound(to: UInt8.self)
    let row = CVPixelBufferGetBytesPerRow(buffer)
    for y in 0..<side {
        for x in 0..<side {
            for colour in 0..<3 { bytes[y * row + x * 4 + 2 - colour] = crop[(y * side + x) * 3 + colour] }
            bytes[y * row + x * 4 + 3] = 255
        }
    }
    return buffer
}

func floats(_ data: Data) -> [Float] {
    data.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
}

let places = CommandLine.arguments.dropFirst().map { URL(fileURLWithPath: $0) }
guard places.count == 2 else {
    print("Give the .mlpackage and the folder of the vectors.")
    exit(2)
}
let cosine = try lowestCosine(file: places[0], folder: places[1])
print("lowest cosine \(cosine); @LEAST@ is enough")
exit(cosine >= @LEAST@ ? 0 : 1)
