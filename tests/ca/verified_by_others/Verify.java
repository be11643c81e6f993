import java.io.FileInputStream;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CertPath;
import java.security.cert.CertPathValidator;
import java.security.cert.CertPathValidatorException;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.PKIXParameters;
import java.security.cert.PKIXRevocationChecker;
import java.security.cert.PKIXRevocationChecker.Option;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/** Validates each path that a line of cases.txt names: NAME ROOT METHOD, the method none, crl or ocsp. */
public class Verify {
    public static void main(String[] arguments) throws Exception {
        Path folder = Path.of(arguments[0]);
        for (String line : Files.readAllLines(folder.resolve("cases.txt"))) {
            String[] words = line.split(" ");
            System.out.println(line + " " + judge(folder, words[0], words[1], words[2]));
        }
    }

    private static String judge(Path folder, String name, String root, String method) throws Exception {
        CertPath path = CertificateFactory.getInstance("X.509").generateCertPath(read(folder, name + "-chain.pem"));
        TrustAnchor anchor = new TrustAnchor((X509Certificate) read(folder, root + ".pem").get(0), null);
        PKIXParameters parameters = new PKIXParameters(Set.of(anchor));
        CertPathValidator validator = CertPathValidator.getInstance("PKIX");
        parameters.setRevocationEnabled(false);
        if (!method.equals("none")) {
            PKIXRevocationChecker checker = (PKIXRevocationChecker) validator.getRevocationChecker();
            checker.setOptions(method.equals("crl")
                    ? EnumSet.of(Option.PREFER_CRLS, Option.NO_FALLBACK)
                    : EnumSet.of(Option.ONLY_END_ENTITY, Option.NO_FALLBACK));
            parameters.addCertPathChecker(checker);
        }
        try {
            validator.validate(path, parameters);
            return "VALID";
        } catch (CertPathValidatorException refusal) {
            return refusal.getReason() + " at " + refusal.getIndex() + ": " + refusal.getMessage();
        }
    }

    private static List<Certificate> read(Path folder, String file) throws Exception {
        try (InputStream stream = new FileInputStream(folder.resolve(file).toFile())) {
            return new ArrayList<>(CertificateFactory.getInstance("X.509").generateCertificates(stream));
        }
    }
}
